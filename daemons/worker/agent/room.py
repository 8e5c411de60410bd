"""How much of a result may lie in Redis: less when its memory is nearly used up."""

from collections.abc import Awaitable, Callable

from emp_core.clock import Clock
from emp_core.domain.policy import MAX_INLINE_RESULT, MAX_INLINE_RESULT_CROWDED, MEMORY_CROWDED
from emp_core.errors import AccessDenied, QueueUnavailable

LOOK_SECONDS = 5.0


class Room:
    """Asks Redis at most every five seconds, and only if a result is large enough to matter."""

    def __init__(self, memory_share: Callable[[], Awaitable[float]], clock: Clock) -> None:
        self._memory_share = memory_share
        self._clock = clock
        self._share = 0.0
        self._looked: float | None = None

    async def has(self, size: int) -> bool:
        """Whether a result of so many bytes may lie in Redis. If Redis is unavailable, the last answer counts."""
        if MAX_INLINE_RESULT_CROWDED < size <= MAX_INLINE_RESULT:
            await self._look()
        return size <= (MAX_INLINE_RESULT_CROWDED if self._share > MEMORY_CROWDED else MAX_INLINE_RESULT)

    async def _look(self) -> None:
        now = self._clock.monotonic()
        if self._looked is not None and now - self._looked < LOOK_SECONDS:
            return
        try:
            self._share = await self._memory_share()
        except (QueueUnavailable, AccessDenied):
            return
        self._looked = now
