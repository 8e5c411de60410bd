"""A queue that is there only for a while."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from emp_core import embedded
from emp_core.embedded import Embedded


@asynccontextmanager
async def own_queue(directory: Path) -> AsyncIterator[Embedded]:
    """A server that is stopped at the end.

    A caller that is cancelled while the server starts still waits for the start: only then can the server be stopped.
    """
    starting = asyncio.ensure_future(asyncio.to_thread(embedded.start, directory))
    try:
        yield await asyncio.shield(starting)
    finally:
        embedded.stop(await starting)
