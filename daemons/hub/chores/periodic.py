"""Work that is done again and again: one pass at a time, and nothing in it may stop the hub."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sized

import structlog

from emp_core.errors import AccessDenied, QueueUnavailable

log = structlog.get_logger()

JITTER = 0.2
"""Each pause is up to a fifth shorter or longer, so that hubs side by side spread out."""

LEAST_PAUSE_SECONDS = 0.005


class Outage:
    """Whether the queue is away, for all chores together: one line when it goes, one when it is back.

    It may refuse some chores only, where it is full or where a user of Redis may not do all: it is back when one that
    was refused is not any more.
    """

    def __init__(self) -> None:
        self._refused: set[str] = set()

    def begins(self, chore: str, error: QueueUnavailable | AccessDenied) -> None:
        """A chore could not do its work."""
        if not self._refused:
            code = error.code if isinstance(error, QueueUnavailable) else "access_denied"
            log.warning("queue.away", code=code, reason=error.message)
        self._refused.add(chore)

    def is_over(self, chore: str) -> None:
        """A chore could."""
        if chore in self._refused:
            log.info("queue.back")
            self._refused.clear()


class Periodic:
    """A chore: `run_once` does one pass and returns how much it did.

    A pass that did `batch` or more may have left some: the next one follows at once.
    """

    def __init__(
        self, name: str, seconds: float, act: Callable[[], Awaitable[int | Sized]], *, batch: int | None = None
    ) -> None:
        self.name = name
        self.seconds = seconds
        self._act = act
        self._batch = batch

    async def run_once(self) -> int:
        """One pass."""
        done = await self._act()
        return done if isinstance(done, int) else len(done)

    def pause(self, done: int) -> float:
        """Seconds until the next pass, after one that did so much."""
        if self._batch is not None and done >= self._batch:
            return 0.0
        return self.seconds * random.uniform(1 - JITTER, 1 + JITTER)

    async def run(self, outage: Outage) -> None:
        """Pass after pass, until cancelled; begins somewhere within the first period."""
        pause = random.uniform(0, self.seconds)
        while True:
            await asyncio.sleep(max(pause, LEAST_PAUSE_SECONDS))
            pause = await self._pass(outage)

    async def _pass(self, outage: Outage) -> float:
        try:
            done = await self.run_once()
        except (QueueUnavailable, AccessDenied) as error:
            outage.begins(self.name, error)
            return self.pause(0)
        except Exception:  # the boundary: a chore's bug must not stop the hub, nor the other chores
            log.exception("chore.failed", chore=self.name)
            return self.pause(0)
        outage.is_over(self.name)
        if done:
            log.debug("chore.done", chore=self.name, done=done)
        return self.pause(done)
