"""A queue that can be killed, and a fleet of processes on it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from emp_core.store import Store, open_store
from emp_core.store.connection import DEFAULT_PREFIX
from tests.faults.fleet import Fleet
from tests.faults.history import History
from tests.faults.journal import Journal
from tests.faults.proxy import Proxy
from tests.faults.queue_server import QueueServer
from tests.faults.zombies import Zombies
from tests.support.invariants import violations
from tests.support.leaks import leaks
from tests.support.snapshot import Snapshot

TIMEOUT_SECONDS = 180


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short enough for the path of a socket."""
    path = Path(tempfile.mkdtemp(prefix="emp-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[QueueServer]:
    running = QueueServer()
    yield running
    try:
        if request.node.get_closest_marker("damages") is None:
            found = Snapshot(running.client, DEFAULT_PREFIX)
            assert leaks(found) + violations(found) == []
    finally:
        running.close()


@pytest.fixture
async def store(server: QueueServer) -> AsyncIterator[Store]:
    opened = await open_store(server.url)
    yield opened
    await opened.close()


@pytest.fixture
def journal(directory: Path) -> Iterator[Journal]:
    kept = Journal(directory / "journal")
    yield kept
    kept.close()


@pytest.fixture
def fleet(store: Store, journal: Journal, directory: Path) -> Iterator[Fleet]:
    running = Fleet(store, journal, directory)
    yield running
    running.close()


@pytest.fixture
def history(store: Store, journal: Journal) -> History:
    return History(store, journal)


@pytest.fixture
def zombies(store: Store, history: History) -> Zombies:
    return Zombies(store, history.stale)


@pytest.fixture
async def proxy(server: QueueServer, directory: Path) -> AsyncIterator[Proxy]:
    between = Proxy(directory / "proxy.sock", server.socket)
    await between.start()
    yield between
    await between.close()


@pytest.fixture
def gate(directory: Path) -> Path:
    """A file that is not there yet; a job with `until` runs until it is."""
    return directory / "gate"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Processes take their time to start where many do."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))
