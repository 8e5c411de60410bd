"""Runs the tests that should notice a change, in a private copy of the project."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.generated import ROOT
from tests.mutants.mutant import Mutant
from tests.support.redis_server import ANY

STORE = "tests/core/store"
SCRIPTS = f"{STORE}/lua"
REST = ("tests/core", "tests/tutorial", "tests/hub")
"""What else runs the domain and the store's Python."""

PYTEST = ("-x", "-q", "--no-header", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout", "60")
ONE_ENGINE = " and ".join(
    f"not [{engine} and not -{engine}" for engine in ("redis", "valkey", "cluster") if engine != ANY
)
"""Which engine runs the store makes no difference for a change of ours."""

LIMIT_SECONDS = 1_800
"""An endless loop is ended."""

Stage = tuple[str, ...]


def stages(path: str) -> list[Stage]:
    """The tests for a file, those that are most likely to notice a change first."""
    name = Path(path).stem
    if path.endswith(".lua"):
        return [*_own(SCRIPTS, name), (SCRIPTS,), (STORE,)]
    folder = f"tests/core/{Path(path).parent.name}"
    return [*_own(folder, name), (folder,), REST]


def _own(folder: str, name: str) -> list[Stage]:
    found = sorted(str(path.relative_to(ROOT)) for path in (ROOT / folder).glob(f"test_{name}*.py"))
    return [tuple(found)] if found else []


class Copy:
    """A copy of the project's files, in which one change after the other is tried."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
            if (ROOT / name).is_file():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, directory / name)

    def passes(self, stage: Stage) -> bool:
        """Whether the tests pass, or none of them applies."""
        with tempfile.TemporaryDirectory(prefix="emp-") as temporary:
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "pytest", *PYTEST, "-k", ONE_ENGINE, *stage],
                    cwd=self.directory,
                    env={**os.environ, "CI": "", "TMPDIR": temporary, "PYTHONDONTWRITEBYTECODE": "1"},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=LIMIT_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return False
        return done.returncode in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}

    def notices(self, mutant: Mutant) -> bool:
        """Whether a test fails with this change."""
        file = self.directory / mutant.path
        file.write_text(mutant.after, encoding="utf-8")
        try:
            return not all(self.passes(stage) for stage in stages(mutant.path))
        finally:
            file.write_text(mutant.before, encoding="utf-8")


@contextmanager
def copies(count: int) -> Iterator[list[Copy]]:
    """Some copies, removed in the end."""
    with tempfile.TemporaryDirectory(prefix="emp-mutants-") as directory:
        yield [Copy(Path(directory) / str(number)) for number in range(count)]
