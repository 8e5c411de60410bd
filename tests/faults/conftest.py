"""A queue that can be killed, a fleet of processes on it, and a table of figures at the end of the run."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

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

FIGURE = "figure"


@pytest.fixture
def directory() -> Iterator[Path]:
    """Short enough for the path of a socket."""
    path = Path(tempfile.mkdtemp(prefix="emp-", dir="/tmp"))
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


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str, object], None]:
    """Keeps a figure for the table at the end of the run, from whichever process the test runs in."""

    def keep(name: str, value: object) -> None:
        request.node.user_properties.append((FIGURE, [request.node.name, name, str(value)]))

    return keep


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    reports = [report for group in terminalreporter.stats.values() for report in group]
    calls = [report for report in reports if getattr(report, "when", "") == "call"]
    rows = [value for report in calls for key, value in report.user_properties if key == FIGURE]
    if not rows:
        return
    terminalreporter.section(f"faults survived, --randomly-seed={config.getoption('randomly_seed', 'none')}")
    width = [max(len(row[column]) for row in rows) for column in range(2)]
    for scenario, name, value in sorted(rows):
        terminalreporter.write_line(f"{scenario:{width[0]}}  {name:{width[1]}}  {value}")
