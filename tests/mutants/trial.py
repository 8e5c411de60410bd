"""Runs the tests that should notice a change, in a private copy of the project."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emp_core.store.function_library import function_names
from tests.generated import ROOT
from tests.mutants.mutant import Mutant
from tests.support.lua_reach import modules_of

LUA = "emp_core/store/lua"
STORE = "tests/core/store"
FUNCTIONS = f"{STORE}/lua"
REST = ("tests/core", "tests/tutorial", "tests/hub")
"""What else runs the domain and the store's Python."""

PYTEST = ("-x", "-q", "--no-header", "-p", "no:randomly", "--timeout", "60")
ONE_ENGINE = " and ".join(f"not [{engine} and not -{engine}" for engine in ("redis", "cluster"))
"""Which engine runs the store makes no difference for a change of ours."""

TRIES = 3
"""On a busy machine a test may fail without any change."""

LIMIT_SECONDS = 1_800
"""An endless loop is ended."""

Stage = tuple[str, ...]


def stages(path: str) -> list[Stage]:
    """The tests for a file, those that are most likely to notice a change first."""
    if path.endswith(".lua"):
        names = [name for name in function_names() if Path(path).stem in (name, *modules_of(name))]
        return [*_own(FUNCTIONS, lambda test: any(name in test.stem for name in names)), (FUNCTIONS,), (STORE,)]
    name, module = Path(path).stem, path.removesuffix(".py").replace("/", ".")
    near = _own("tests/core", lambda test: test.stem.startswith(f"test_{name}") or module in test.read_text("utf-8"))
    return [*near, (f"tests/core/{Path(path).parent.name}",), REST]


def _own(folder: str, is_near: Callable[[Path], bool]) -> list[Stage]:
    found = [str(test.relative_to(ROOT)) for test in sorted((ROOT / folder).rglob("test_*.py")) if is_near(test)]
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

    def notices(self, mutant: Mutant) -> bool:
        """Whether a test fails with this change."""
        before = list[str]()
        for stage in stages(mutant.path):
            tests = [*stage, *(f"--ignore={path}" for path in before)]
            before += stage
            tries = (self._fails(mutant, tests) for _ in range(TRIES))
            if next((failed for failed in tries if failed is not None), False):
                return True
        return False

    def _fails(self, mutant: Mutant, tests: list[str]) -> bool | None:
        """Whether a test fails twice with the change, and passes without. None if a test failed for another reason."""
        file, again = self.directory / mutant.path, ["--last-failed", "--last-failed-no-failures=none", *tests]
        _write(file, mutant.after)
        try:
            if self._passes("--cache-clear", *tests):
                return False
            twice = not self._passes(*again)
        finally:
            _write(file, mutant.before)
        return True if twice and self._passes(*again) else None

    def _passes(self, *arguments: str) -> bool:
        """Whether the tests pass, or none of them applies."""
        with tempfile.TemporaryDirectory(prefix="emp-") as temporary:
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "pytest", *PYTEST, "-k", ONE_ENGINE, *arguments],
                    cwd=self.directory,
                    env={**os.environ, "CI": "", "TMPDIR": temporary, "PYTHONDONTWRITEBYTECODE": ""},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=LIMIT_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return False
        return done.returncode in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


def _write(file: Path, text: str) -> None:
    """Python knows a changed file by its size and its time, to the second: too coarse for these."""
    file.write_text(text, encoding="utf-8")
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        compiled.unlink()


@contextmanager
def copies(count: int) -> Iterator[list[Copy]]:
    """Some copies, removed in the end."""
    with tempfile.TemporaryDirectory(prefix="emp-mutants-") as directory:
        yield [Copy(Path(directory) / str(number)) for number in range(count)]
