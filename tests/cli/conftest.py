"""The command, run in this process or in one of its own, against the tests' queue."""

import asyncio
import io
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import psutil
import pytest

from emp_cli.main import main
from emp_cli.output import terminal as output
from emp_core.store import Store, open_store
from tests.generated import ROOT
from tests.support.redis_server import Server

T = TypeVar("T")

Do = Callable[[Callable[[Store], Awaitable[T]]], T]

OURS = ("REDIS_", "HUB_", "WS_", "EMP_", "ARTIFACTS_", "WORKER_", "SERVICES")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Command:
    """`emp …` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *words: str, stdin: str = "") -> Said:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        code = main(words)
        out, err = self._capsys.readouterr()
        return Said(code, out, err)


class Shell:
    """`emp …` in a process of its own, for what only a process shows: streams, signals, exit codes."""

    def __init__(self, environ: Mapping[str, str], directory: Path) -> None:
        self.environ = dict(environ)
        self._directory = directory

    def __call__(self, *words: str, stdin: str = "") -> Said:
        with self.begin(*words) as process:
            out, err = process.communicate(stdin)
        return Said(process.returncode, out, err)

    @contextmanager
    def begin(
        self, *words: str, stdin: int = subprocess.PIPE, stderr: int = subprocess.PIPE
    ) -> Iterator["subprocess.Popen[str]"]:
        """The process, still running; where the test leaves it so it is killed, and what it started too."""
        with subprocess.Popen(
            [sys.executable, "-m", "emp_cli", *words],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**self.environ, "PYTHONPATH": str(ROOT)},
            cwd=self._directory,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    _kill_all(psutil.Process(process.pid))


def _kill_all(process: psutil.Process) -> None:
    for each in (*process.children(recursive=True), process):
        with suppress(psutil.NoSuchProcess):
            each.kill()


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """The test's end of a terminal, and the command's."""
    ends = pty.openpty()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def interrupt(process: "subprocess.Popen[str]") -> Said:
    """Ctrl-C, and once more if the first one came between Python's look for signals and a read that waits."""
    for patience in (20, None):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            out, err = process.communicate(timeout=patience)
            return Said(process.returncode, out, err)
    raise AssertionError("the last wait has no end")


def first_line(stream: "IO[str] | None") -> str:
    """What a process says first."""
    assert stream is not None
    return stream.readline().strip()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def surroundings(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Variables that name the queue and nothing else; the working directory."""
    for name in os.environ:
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("REDIS_URL", server.url)
    monkeypatch.setenv("EMP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def emp(surroundings: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(capsys, monkeypatch)


@pytest.fixture
def narrow_terminal(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stdout is a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(output, "out_is_terminal", lambda: True)
    yield
    output.use_color(output.Color.AUTO)


@pytest.fixture
def shell(surroundings: Path) -> Shell:
    return Shell(os.environ, surroundings)


@pytest.fixture
def do(server: Server) -> Do[T]:
    """Does something to the queue that a command cannot: `do(lambda store: register(store))`."""

    def run(work: Callable[[Store], Awaitable[T]]) -> T:
        async def whole() -> T:
            store = await open_store(server.url)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(whole())

    return run
