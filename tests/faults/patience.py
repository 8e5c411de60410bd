"""How long these tests wait for what must happen: long, since a busy machine takes its time to start a process."""

from collections.abc import Callable

from tests.support.waiting import wait_until

PATIENCE_SECONDS = 60.0


async def eventually(predicate: Callable[[], object], what: str) -> None:
    """Until the predicate, or what it is awaited for, is true."""
    await wait_until(predicate, what, PATIENCE_SECONDS)
