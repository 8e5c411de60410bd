"""A real server, a store on it with nothing inside, and what must hold in Redis after each test."""

import gc
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from emp_core.store import Link, Store, open_store
from emp_core.store.broker import Broker
from emp_core.store.connection import DEFAULT_PREFIX
from emp_core.store.upkeep import Upkeep
from tests.support.invariants import violations
from tests.support.leaks import leaks
from tests.support.redis_server import Server, Servers
from tests.support.snapshot import Look, Snapshot

pytest_plugins = (
    "tests.support.clusters",
    "tests.support.figures",
    "tests.support.leftovers",
    "tests.support.programs",
)

# A machine that is busy with other things breaks no property.
settings.register_profile("emp", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("emp")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--histories", type=int, default=30, help="random histories of each state machine")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "damages: leaves Redis damaged on purpose, so nothing is checked afterwards")


def pytest_collection_finish() -> None:
    """What is imported and collected stays: without this each garbage collection in a test walks through all of it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _signals() -> Iterator[None]:
    """Where pytest is to hear no Ctrl-C or hangup (`&`, nohup), what it starts would not hear them either."""
    heard = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: _go_on}
    ignored = [number for number in heard if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, heard[number])
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


def _go_on(number: int, frame: object) -> None:
    """A handler, and so not handed on."""


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A program that a test runs in this process sets up its logs."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    running = Servers()
    yield running
    running.close()


@pytest.fixture
def engine() -> str:
    """The engine that is always there; the store's own tests run on a cluster too."""
    return "valkey"


@pytest.fixture
def server(servers: Servers, engine: str, request: pytest.FixtureRequest) -> Iterator[Server]:
    empty = servers.empty(engine)
    yield empty
    if request.node.get_closest_marker("damages") is None:
        found = Snapshot(empty.client, DEFAULT_PREFIX)
        assert leaks(found) + violations(found) == []


@pytest.fixture
async def store(server: Server) -> AsyncIterator[Store]:
    """The queue, with every pause of its exact length: no jitter."""
    opened = await open_store(server.url)
    opened.broker = Broker(opened.link, opened.classes, jitter=_no_jitter)
    opened.upkeep = Upkeep(opened.link, opened.classes, jitter=_no_jitter)
    yield opened
    await opened.close()


@pytest.fixture
def link(store: Store) -> Link:
    return store.link


@pytest.fixture
def look(server: Server) -> Look:
    """All that lies in Redis now."""
    return lambda: Snapshot(server.client, DEFAULT_PREFIX)


def _no_jitter() -> float:
    return 1.0
