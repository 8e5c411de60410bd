"""A bound on the time that several calls of the queue take together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from emp_core.errors import QueueUnavailable
from emp_core.store.connection import busy


class Hears(Protocol):
    """What knows when the queue answered last: a queue, or a link."""

    def heard_since(self, moment: float) -> bool: ...


@asynccontextmanager
async def in_time(queue: Hears, seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
    """Calls of the queue that are together one answer. Raises `QueueUnavailable` if they take too long."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield limit
    except TimeoutError:
        if seconds is None or not limit.expired():
            raise
        if queue.heard_since(asyncio.get_running_loop().time() - seconds / 2):
            raise busy(f"the hub has too much to do: the call was not done within {seconds:g} s") from None
        raise QueueUnavailable("redis_unavailable", f"Redis did not answer within {seconds:g} s") from None
