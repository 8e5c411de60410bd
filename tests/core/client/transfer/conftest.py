"""Two queues on two servers of one engine."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from emp_core.client.locate import Location
from emp_core.client.redis_queue import RedisQueue, open_queue
from emp_core.client.transfer import taking
from emp_core.domain.caller import Caller, Role
from emp_core.store import Store, open_store, transfers
from emp_core.store.connection import DEFAULT_PREFIX
from tests.support.invariants import violations
from tests.support.leaks import leaks
from tests.support.redis_server import REDIS, Server, Servers
from tests.support.snapshot import Look, Snapshot

OPERATOR = Caller(role=Role.OPERATOR, actor="ada@node1", request_id="r1")


@pytest.fixture(params=[REDIS, "valkey"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def other_servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.close()


@pytest.fixture
def other_server(other_servers: Servers, engine: str) -> Iterator[Server]:
    empty = other_servers.empty(engine)
    yield empty
    found = Snapshot(empty.client, DEFAULT_PREFIX)
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


@pytest.fixture
def few_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few jobs in a call that each step of a short chain takes several calls."""
    monkeypatch.setattr(transfers, "TRANSFERRED_A_CALL", 5)
    monkeypatch.setattr(taking, "TRANSFERRED_A_CALL", 5)
    monkeypatch.setattr(transfers, "FORGOTTEN_A_CALL", 5)
    monkeypatch.setattr(transfers, "JOBS_A_CALL", 3)
