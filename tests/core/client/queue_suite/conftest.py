"""The queue of the suite, by each implementation. What a test calls `queue` is an operator's."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from emp_core.client.locate import Location
from emp_core.client.queue import Queue
from emp_core.client.redis_queue import open_queue
from emp_core.domain.caller import Caller, Role
from emp_core.store.connection import DEFAULT_PREFIX
from tests.support.redis_server import Server

OPERATOR = Caller(role=Role.OPERATOR, actor="ada@node1", request_id="r1")

Opener = Callable[[Server, Path], AbstractAsyncContextManager[Queue]]


@asynccontextmanager
async def _over_redis(server: Server, files: Path) -> AsyncIterator[Queue]:
    place = Location(url=server.url, prefix=DEFAULT_PREFIX, source="the test", artifacts=files.as_uri())
    opened = await open_queue(place, OPERATOR)
    yield opened
    await opened.close()


IMPLEMENTATIONS: Mapping[str, Opener] = {"redis": _over_redis}
"""Another implementation of `Queue` is one more line."""


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
async def queue(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> AsyncIterator[Queue]:
    async with IMPLEMENTATIONS[request.param](server, tmp_path / "files") as opened:
        yield opened


def seen_by(queue: Queue, role: Role, customer: str | None = None) -> Queue:
    """The same queue for another caller."""
    return queue.for_caller(Caller(role=role, customer=customer, actor="bob", request_id="r2"))
