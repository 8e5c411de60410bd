"""Waiting for a condition instead of for time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast, overload

T = TypeVar("T")

POLL_SECONDS = 0.005
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
    deadline = loop.time() + timeout
    while True:
        answer = predicate()
        value = cast(T, await answer if inspect.isawaitable(answer) else answer)
        if value:
            return value
        if loop.time() >= deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        await asyncio.sleep(POLL_SECONDS)


def poll_until(predicate: Callable[[], object], what: str, timeout: float = PATIENCE_SECONDS) -> None:
    """The same where there is no event loop yet, such as for a server's start."""
    deadline = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(POLL_SECONDS)
