"""`emp dashboard` on a real terminal."""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from emp_cli.exits import ExitCode
from emp_core.domain.states import JobState
from emp_core.errors import EmpError
from emp_core.store import Store, open_store
from tests.cli.conftest import Shell
from tests.generated import ROOT
from tests.support.agents import states
from tests.support.builders import make_request, register
from tests.support.redis_server import Server
from tests.support.waiting import PATIENCE_SECONDS, poll_until

T = TypeVar("T")

JOBS = 2_000
WORKERS = 50


class Tmux:
    """A terminal of 80 x 24 in a tmux of its own."""

    def __init__(self, socket: Path, environ: Mapping[str, str]) -> None:
        self._socket = socket
        self._environ = environ

    def __call__(self, *words: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-S", str(self._socket), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=dict(self._environ)).stdout

    def start(self, *words: str) -> None:
        command = f"{shlex.join([sys.executable, '-m', 'emp_cli', *words])}; echo ended $?; cat"
        self("new-session", "-d", "-s", "test", "-x", "80", "-y", "24", command)

    def press(self, *keys: str) -> None:
        self("send-keys", "-t", "test", *keys)

    def text(self) -> str:
        return self("capture-pane", "-p", "-t", "test")

    def sees(self, *words: str) -> str:
        try:
            poll_until(lambda: all(word in self.text() for word in words), f"{words} on the terminal")
        except AssertionError:
            raise AssertionError(f"{words} are not all on\n{self.text()}") from None
        return self.text()


@contextmanager
def tmux(directory: Path, environ: Mapping[str, str]) -> Iterator[Tmux]:
    running = Tmux(directory / "tmux.sock", environ)
    try:
        yield running
    finally:
        running("kill-server")


def environ_of(shell: Shell) -> dict[str, str]:
    """Of a terminal, which knows its own size."""
    others = {name: text for name, text in shell.environ.items() if name not in ("COLUMNS", "LINES")}
    return {**others, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}


async def fill(store: Store) -> list[str]:
    for number in range(WORKERS):
        await register(store, f"gpu{number}:0", machine=f"gpu{number}")
    answers = await store.broker.submit_many(
        [make_request(customer_id="acme" if number % 700 == 7 else "globex") for number in range(JOBS)]
    )
    return [answer.id for answer in answers if not isinstance(answer, EmpError)]


@pytest.mark.needs("tmux")
def test_jobs_are_found_marked_and_cancelled_at_80_by_24(shell: Shell, server: Server, tmp_path: Path) -> None:
    jobs = asyncio.run(on_the_queue(server, fill))
    mine = [job for number, job in enumerate(jobs) if number % 700 == 7]
    with tmux(tmp_path, environ_of(shell)) as terminal:
        terminal.start("dashboard")
        terminal.sees("2,000 pending", "50 ready", "Overview")
        terminal.press("2")
        terminal.sees("1-100 of 2,000")
        terminal.press("/", "customer:acme", "Enter")
        terminal.sees("1-3 of 3", *mine)
        terminal.press("Space", "Space", "Space", "X")
        terminal.sees("cancel 3 jobs: 3 pending?")
        terminal.press("y")
        terminal.sees("3 jobs are cancelled", "cancelled")
        terminal.press("q")
        terminal.sees("ended 0")
    found = asyncio.run(on_the_queue(server, lambda store: states(store, *mine)))
    assert found == [JobState.CANCELLED] * 3


async def on_the_queue(server: Server, work: Callable[[Store], Awaitable[T]]) -> T:
    store = await open_store(server.url)
    try:
        return await work(store)
    finally:
        await store.close()


def test_it_ends_when_its_terminal_goes(shell: Shell, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    # It is not its controlling terminal, so no SIGHUP comes.
    command = [sys.executable, "-m", "emp_cli", "dashboard"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ_of(shell))
    try:
        os.close(theirs)
        seen = b""
        while b"Overview" not in seen:
            seen += os.read(ours, 65_536)
        os.close(ours)
        assert process.wait(PATIENCE_SECONDS) == ExitCode.FAILED
    finally:
        process.kill()
        process.wait()


def test_a_demo_ends_with_all_its_processes_when_its_terminal_is_closed(shell: Shell, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    # It is its controlling terminal, so SIGHUP comes.
    command = ["setsid", "--ctty", sys.executable, "-m", "emp_cli", "dashboard", "--demo"]
    environ = {**environ_of(shell), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ)
    try:
        os.close(theirs)
        seen = b""
        while b"active" not in seen:
            seen += os.read(ours, 65_536)
        os.close(ours)
        assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGHUP
        assert list(tmp_path.glob("emp-demo-*")) == []
    finally:
        process.kill()
        process.wait()
