"""Two queues on two servers of one engine."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from emp_core.client.locate import Location
from emp_core.client.redis_queue import RedisQueue, open_queue
from emp_core.domain.caller import Caller, Role
from emp_core.store import Store, open_store
from emp_core.store.connection import DEFAULT_PREFIX
from tests.support.invariants import violations
from tests.support.leaks import leaks
from tests.support.redis_server import REDIS, Server
from tests.support.snapshot import Look, Snapshot

OPERATOR = Caller(role=Role.OPERATOR, actor="ada@node1", request_id="r1")


@pytest.fixture(params=[REDIS, "valkey"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def other_server(engine: str) -> Iterator[Server]:
    started = Server(engine)
    yield started
    found = Snapshot(started.client, DEFAULT_PREFIX)
    started.close()
    assert leaks(found) + violations(found) == []


@pytest.fixture
async def queue(server: Server, tmp_path: Path) -> AsyncIterator[RedisQueue]:
    async with _open(server, tmp_path / "files") as opened:
        yield opened


@pytest.fixture
async def other(other_server: Server, tmp_path: Path) -> AsyncIterator[RedisQueue]:
    async with _open(other_server, tmp_path / "other files") as opened:
        yield opened


@pytest.fixture
async def other_store(other_server: Server) -> AsyncIterator[Store]:
    opened = await open_store(other_server.url)
    yield opened
    await opened.close()


@pytest.fixture
def other_look(other_server: Server) -> Look:
    return lambda: Snapshot(other_server.client, DEFAULT_PREFIX)


@asynccontextmanager
async def _open(server: Server, files: Path) -> AsyncIterator[RedisQueue]:
    place = Location(url=server.url, prefix=DEFAULT_PREFIX, source="the test", artifacts=files.as_uri())
    opened = await open_queue(place, OPERATOR)
    yield opened
    await opened.close()
