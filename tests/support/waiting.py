"""Waiting for a condition instead of for time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast, overload

T = TypeVar("T")

POLL_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.05
"""Between two looks: what takes long, such as the start of a process, is not slowed down by hundreds of them."""

PATIENCE_SECONDS = 30.0
"""How long to wait for what must happen: a machine with much else to do stands still for seconds now and then."""


@overload
async def wait_until(predicate: Callable[[], Awaitable[T]], what: str, timeout: float = ...) -> T: ...  # noqa: ASYNC109
@overload
async def wait_until(predicate: Callable[[], T], what: str, timeout: float = ...) -> T: ...  # noqa: ASYNC109
async def wait_until(
    predicate: Callable[[], T | Awaitable[T]],
    what: str,
    timeout: float = PATIENCE_SECONDS,  # noqa: ASYNC109 - the caller says how long, this function says what did not happen
) -> T:
    """The predicate's first true value; fails with `what` if there is none in time."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        answer = predicate()
        value = cast(T, await answer if inspect.isawaitable(answer) else answer)
        if value:
            return value
        waited = loop.time() - began
        if waited >= timeout:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        await asyncio.sleep(_pause(waited))


def poll_until(predicate: Callable[[], object], what: str, timeout: float = PATIENCE_SECONDS) -> None:
    """The same where there is no event loop yet, such as for a server's start."""
    began = time.monotonic()
    while not predicate():
        waited = time.monotonic() - began
        if waited >= timeout:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(_pause(waited))


def _pause(waited: float) -> float:
    """A tenth of the time waited so far, within bounds."""
    return min(max(waited / 10, POLL_SECONDS), LONGEST_PAUSE_SECONDS)
