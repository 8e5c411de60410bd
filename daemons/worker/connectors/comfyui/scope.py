"""Two ways to bound a piece of work in time, that the standard library lacks."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from daemons.worker.connector import JobContext


class Stopped(Exception):
    """The attempt was cancelled, or its time is over."""


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `works` while the body runs, and no longer. A single error comes out as it is, not in a group."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) == 1:
            raise errors.exceptions[0] from None
        raise


@asynccontextmanager
async def until_stopped(context: JobContext) -> AsyncIterator[None]:
    """Leave the body with `Stopped` as soon as the attempt is cancelled or out of time, whatever it waits for."""
    scope = asyncio.timeout(max(0.0, context.time_left()))
    try:
        async with scope, beside(_expire(context.cancelled, scope)):
            yield
    except TimeoutError:
        if scope.expired():
            raise Stopped from None
        raise


async def _expire(cancelled: asyncio.Event, scope: asyncio.Timeout) -> None:
    await cancelled.wait()
    if not scope.expired():  # else the body is on its way out already
        scope.reschedule(asyncio.get_running_loop().time())
