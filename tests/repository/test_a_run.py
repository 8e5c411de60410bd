"""What a run of the tests itself promises: it says which programs are missing, and nothing outlives it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.generated import ROOT

PLUGINS = ("xdist", "tests.support.programs", "tests.support.leftovers")

NEEDY = """
import pytest

def test_that_runs_anywhere(): pass

@pytest.mark.needs("redis-server")
@pytest.mark.parametrize("number", range(3))
def test_that_needs_redis(number): pass
"""

LEAVES_A_FILE = """
import tempfile

def test_that_passes(): tempfile.mkstemp(prefix="forgotten-")
"""

LEAVES_A_PROCESS = """
import subprocess, sys

def test_that_passes():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "forgotten"], start_new_session=True)
"""

IMPATIENT = "from tests.support import leftovers; leftovers.PATIENCE_SECONDS = 0.1"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs tests in a pytest of their own, with no program on PATH; its temporary directory is empty afterwards."""

    def run(source: str, *options: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        file = tmp_path / "test_it.py"
        file.write_text(source)
        (tmp_path / "conftest.py").write_text(IMPATIENT)
        (tmp_path / "tmp").mkdir()
        plugins = [word for plugin in PLUGINS for word in ("-p", plugin)]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *plugins, "--rootdir", str(tmp_path), *options, str(file)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": "",
                "CI": "",
                "PYTHONPATH": str(ROOT),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "TMPDIR": str(tmp_path / "tmp"),
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert os.listdir(tmp_path / "tmp") == []
        return done

    return run


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_tests_whose_program_is_missing_are_not_collected_and_counted(run: Run, options: tuple[str, ...]) -> None:
    done = run(NEEDY, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "redis-server is missing: 3 tests are not collected; install redis-server to run them" in done.stdout
    assert "= 1 passed in" in done.stdout


def test_ci_without_a_program_runs_no_test(run: Run) -> None:
    done = run(NEEDY, CI="true")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "redis-server, bash, fish, tmux, zsh must be on PATH if CI=true" in done.stderr
    assert "passed" not in done.stdout


def test_a_test_that_needs_an_unlisted_program_is_an_error(run: Run) -> None:
    done = run(NEEDY.replace("redis-server", "no-such-program"))
    assert done.returncode != 0
    assert "needs a program that PACKAGES lacks: {'no-such-program'}" in done.stdout


@pytest.mark.parametrize(
    ("source", "left", "options"),
    [(LEAVES_A_FILE, "forgotten-", ()), (LEAVES_A_PROCESS, "time.sleep(600) forgotten", ("-n", "1"))],
)
def test_a_run_that_leaves_something_fails_and_removes_it(
    run: Run, tmp_path: Path, source: str, left: str, options: tuple[str, ...]
) -> None:
    done = run(source, *options)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 passed" in done.stdout
    assert left in done.stdout.partition("left behind by tests")[2]
    assert not [each for each in psutil.process_iter(["cwd"]) if each.info["cwd"] == str(tmp_path)]


def test_a_run_of_no_test_leaves_nothing(run: Run) -> None:
    assert run(NEEDY, "--collect-only").returncode == 0
