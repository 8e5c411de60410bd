"""emp demo: from nothing to nothing."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from emp_cli.local import demonstration
from emp_cli.local.demonstration import Demonstration
from emp_core import embedded
from tests.cli.conftest import Shell
from tests.generated import ROOT
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.timeout(180)

ON_A_TERMINAL = """
import os, sys
os.login_tty(int(sys.argv[1]))
os.execv(sys.executable, [sys.executable, "-m", "emp_cli", "demo"])
"""


@pytest.fixture
def place(shell: Shell, tmp_path: Path) -> Path:
    """What is left in there was left behind."""
    (tmp_path / "place").mkdir()
    shell.environ["TMPDIR"] = str(tmp_path / "place")
    return tmp_path / "place"


def left_in(place: Path) -> list[str]:
    """Files, and processes that were started for them."""
    files = [str(path) for path in place.iterdir()]
    return files + [" ".join(process.cmdline()) for process in psutil.process_iter() if _is_of(process, place)]


def _is_of(process: psutil.Process, place: Path) -> bool:
    try:
        return str(place) in " ".join([*process.cmdline(), *process.environ().values()])
    except psutil.Error:
        return False


def lines_to(process: "subprocess.Popen[str]", word: str) -> Iterator[str]:
    """What it says, up to the line with a word in it."""
    assert process.stderr is not None
    for line in process.stderr:
        yield line
        if word in line:
            return
    raise AssertionError(f"it ended without {word!r}")


def hub_of(process: "subprocess.Popen[str]") -> str:
    """Where its hub answers, once its jobs run."""
    (url,) = [line.split()[1] for line in lines_to(process, "jobs:") if line.startswith("hub:")]
    return url


def test_demo_under_nohup_runs_its_jobs_and_says_why_one_waits_though_the_terminal_is_closed(
    shell: Shell, place: Path
) -> None:
    ours = {"EMP_KEY_PREFIX": "{other}:", "LEASE_SECONDS": "3", "ARTIFACTS_URL": "s3://nowhere/emp", "HUB_PORT": "no"}
    shell.environ |= ours  # and none of its business
    with ExitStack() as stack:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            process = stack.enter_context(shell.begin("demo", "--fast"))
        finally:
            signal.signal(signal.SIGHUP, before)
        hub_of(process)
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert "31 completed, 1 failed, 1 pending, 1 cancelled" in out.replace("  ", " ")
    assert "would fit if gpu_memory_gb were 96 (has 80)" in out
    assert "no files remain" in err
    assert left_in(place) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_what_it_started(shell: Shell, place: Path, number: int) -> None:
    del shell.environ["REDIS_URL"]
    with shell.begin("demo") as process:
        assert httpx.get(f"{hub_of(process)}/health", timeout=PATIENCE_SECONDS, trust_env=False).status_code == 200
        process.send_signal(number)
        assert list(lines_to(process, "stopping the demo"))
        process.send_signal(signal.SIGTERM)  # which changes nothing any more
        process.communicate()
    assert process.returncode == 128 + number
    assert left_in(place) == []


def test_a_terminal_that_is_closed_ends_it_and_what_it_started(shell: Shell, place: Path) -> None:
    ours, its = os.openpty()
    command = [sys.executable, "-c", ON_A_TERMINAL, str(its)]
    with subprocess.Popen(command, env={**shell.environ, "PYTHONPATH": str(ROOT)}, pass_fds=[its]) as process:
        os.close(its)
        seen = b""
        while b"jobs:" not in seen:
            seen += os.read(ours, 4096)
        os.close(ours)
        assert process.wait() == 128 + signal.SIGHUP
    assert left_in(place) == []


async def test_a_queue_that_is_still_being_started_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may = threading.Event(), threading.Event()
    stopped: list[Path] = []

    def start(directory: Path) -> Path:
        begun.set()
        may.wait(60)
        return directory

    def stop(server: Path) -> None:
        assert server.exists()
        stopped.append(server)

    monkeypatch.setattr(demonstration, "configure_logs", lambda *_: None)
    monkeypatch.setattr(embedded, "start", start)
    monkeypatch.setattr(embedded, "stop", stop)
    task = asyncio.create_task(Demonstration(fast=True, seed=0).run())
    await asyncio.to_thread(begun.wait)
    task.cancel()
    may.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert len(stopped) == 1


def test_a_hub_that_does_not_come_up_is_an_error_in_its_own_words(shell: Shell, place: Path, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("#!/bin/sh\necho no hub today >&2\n")
    (tmp_path / "env").chmod(0o755)
    shell.environ["PATH"] = f"{tmp_path}:{shell.environ['PATH']}"
    said = shell("demo", "--fast")
    assert said.code == 5
    assert "error: the demo's hub stopped: no hub today" in said.err
    assert "hub:   http" not in said.err
    assert left_in(place) == []


async def test_a_hub_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demonstration, "HUB_SECONDS", 0.0)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", deaf, stdout=subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    await demonstration._end(process)
    assert process.returncode == -signal.SIGKILL


def test_a_hub_that_ends_meanwhile_is_an_error(shell: Shell, place: Path) -> None:
    with shell.begin("demo") as process:
        hub_of(process)
        (hub,) = psutil.Process(process.pid).children()
        hub.kill()
        _, err = process.communicate()
    assert process.returncode == 5
    assert "error: the demo's hub stopped" in err
    assert left_in(place) == []
