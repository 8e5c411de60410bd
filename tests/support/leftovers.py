"""A temporary directory of the run's own. A file, a directory or a process that outlives the tests fails the run.

What tests write to `tmp_path` is removed too; `--basetemp DIR` keeps it.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.waiting import PATIENCE_SECONDS

HOME = pytest.StashKey[Path]()
LEFT = pytest.StashKey[list[str]]()

POLL_SECONDS = 0.1

OF_PYTEST = "t"
"""Short: below it lie sockets, whose paths may have some 100 characters."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    home = Path(tempfile.mkdtemp(prefix="emp-")).resolve()
    config.add_cleanup(lambda: shutil.rmtree(home))
    config.stash[HOME] = home
    os.environ["TMPDIR"] = tempfile.tempdir = str(home)
    if config.option.basetemp is None:
        config.option.basetemp = home / OF_PYTEST


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    home = session.config.stash.get(HOME, None)
    if home is None:
        return
    left = [*_processes(home), *(str(path) for path in home.iterdir() if path.name != OF_PYTEST)]
    session.config.stash[LEFT] = left
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    left = config.stash.get(LEFT, [])
    if left:
        terminalreporter.section("left behind by tests", red=True)
    for line in left:
        terminalreporter.write_line(line)


def _processes(home: Path) -> Iterator[str]:
    """What still runs, ended now; a process that was told to end gets the time to do so."""
    alive = _still_running(home)
    for process in alive:
        yield f"process {process.pid}: {' '.join(process.info['cmdline'] or ())}"
        process.kill()
    if alive:
        _still_running(home)


def _still_running(home: Path) -> list[psutil.Process]:
    """The run's processes that do not end in time. One that has ended but is not reaped does not count."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = [each for each in psutil.process_iter(["cmdline", "cwd", "environ"]) if _belongs(each, home)]
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(POLL_SECONDS)


def _belongs(process: psutil.Process, home: Path) -> bool:
    """Whether the run's directory is in its environment, its arguments or its working directory's path.

    Redis and Valkey overwrite their environment and arguments, but work in their own directory.
    """
    environ = process.info["environ"] or {}
    places = [environ.get("TMPDIR", ""), process.info["cwd"] or "", *(process.info["cmdline"] or ())]
    return any(str(home) in place for place in places)
