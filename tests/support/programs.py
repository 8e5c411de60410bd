"""Programs from outside Python that some tests need: a machine may lack them, CI may not.

A test names its program: `@pytest.mark.needs("redis-server")`. If the program is missing, the test is not collected,
and one line at the end of the run says so. `python -m tests.support.programs` prints the packages that are missing.
"""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

PACKAGES: Mapping[str, str] = {
    "redis-server": "redis-server",
    "bash": "bash",
    "fish": "fish",
    "tmux": "tmux",
    "zsh": "zsh",
}
"""Each program, and the Debian package that brings it."""

DROPPED = pytest.StashKey[Counter[str]]()
"""How many tests were not collected, for each missing program."""


def missing() -> list[str]:
    """The programs that are not on PATH."""
    return [program for program in PACKAGES if shutil.which(program) is None]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(program): not collected if this program is missing")
    config.stash[DROPPED] = Counter()
    if os.environ.get("CI") == "true" and missing():
        raise pytest.UsageError(f"{', '.join(missing())} must be on PATH if CI=true; .ci/run installs it")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    absent = set(missing())
    counts = config.stash[DROPPED]
    kept = []
    for item in items:
        needed = {mark.args[0] for mark in item.iter_markers("needs")}
        assert needed <= PACKAGES.keys(), f"{item.nodeid} needs a program that PACKAGES lacks: {needed}"
        counts.update(needed & absent)
        if not needed & absent:
            kept.append(item)
    items[:] = kept


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of xdist hands its counts to the one that reports."""
    counts = session.config.stash[DROPPED]
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["dropped"] = dict(counts)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Each process of xdist collects all tests, so one count is the whole."""
    counts = node.config.stash[DROPPED]
    counts |= Counter(getattr(node, "workeroutput", {}).get("dropped", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for program, count in config.stash[DROPPED].items():
        package = PACKAGES[program]
        line = f"{program} is missing: {count:,} tests are not collected; install {package} to run them"
        terminalreporter.write_line(line)


if __name__ == "__main__":
    sys.stdout.write("".join(f"{PACKAGES[program]}\n" for program in missing()))
