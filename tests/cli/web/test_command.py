"""`emp dashboard --web`, in a process of its own."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from emp_cli.exits import ExitCode
from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.cli.conftest import Command, Shell, first_line, interrupt
from tests.support.agents import states
from tests.support.builders import submit
from tests.support.redis_server import Server
from tests.support.waiting import wait_until


@contextmanager
def served(shell: Shell, *words: str) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    """The process, and the URL that it prints."""
    with shell.begin("dashboard", "--web", "--port", "0", *words) as process:
        yield process, first_line(process.stdout)


def opened(url: str) -> connect:
    """A session, as the browser of this URL opens it."""
    parts = urlsplit(url)
    cookie = f"emp-dashboard-{parts.port}={parse_qs(parts.query)['token'][0]}"
    return connect(
        f"ws://{parts.netloc}/ws?width=100&height=30",
        origin=Origin(f"http://{parts.netloc}"),
        additional_headers={"Cookie": cookie},
        proxy=None,
    )


async def sees(socket: ClientConnection, word: str) -> None:
    seen = b""
    while word.encode() not in seen:
        seen += await socket.recv(decode=False)


async def type_in(socket: ClientConnection, keys: str) -> None:
    await socket.send(f'["stdin", "{keys}"]')


def child_of(process: "subprocess.Popen[str]") -> psutil.Process:
    (child,) = psutil.Process(process.pid).children()
    return child


async def test_browsers_only_look(store: Store, shell: Shell) -> None:
    job = await submit(store)
    with served(shell) as (_, url):
        async with opened(url) as socket:
            await sees(socket, "read-only")
            await type_in(socket, "2")
            await sees(socket, job)
            await type_in(socket, "X")
            await sees(socket, "--write")
            await type_in(socket, "y")
    assert await states(store, job) == [JobState.PENDING]


async def test_browsers_change_jobs_if_write_is_given(store: Store, shell: Shell) -> None:
    job = await submit(store)
    with served(shell, "--write", "--filter", "status:pending") as (_, url):
        async with opened(url) as socket:
            await sees(socket, job)
            await type_in(socket, "X")
            await sees(socket, "cancel 1 job: 1 pending?")
            await type_in(socket, "y")
            await sees(socket, "1 job is cancelled")
    assert await states(store, job) == [JobState.CANCELLED]


async def test_ctrl_c_ends_the_server_and_every_dashboard(store: Store, shell: Shell) -> None:
    with served(shell) as (process, url):
        async with opened(url) as socket:
            await sees(socket, "Overview")
            child = child_of(process)
            said = await asyncio.to_thread(interrupt, process)
    assert said.code == ExitCode.INTERRUPTED
    assert "ending the dashboards" in said.err
    assert "Traceback" not in said.err
    assert not child.is_running()


async def test_a_dashboard_ends_if_its_server_is_killed(store: Store, shell: Shell) -> None:
    with served(shell) as (process, url):
        async with opened(url) as socket:
            await sees(socket, "Overview")
            child = child_of(process)
            process.send_signal(signal.SIGKILL)
            await wait_until(lambda: not child.is_running(), "the dashboard ends")


async def test_the_password_of_a_url_is_in_no_argument_of_a_dashboard(
    store: Store, server: Server, shell: Shell
) -> None:
    await store.link.client.config_set("requirepass", "hunter2")
    try:
        shell.environ["REDIS_URL"] = server.url.replace("unix://", "unix://:hunter2@")
        with served(shell) as (process, url):
            async with opened(url) as socket:
                await sees(socket, "Overview")
                child = child_of(process)
                assert not [word for word in child.cmdline() if "hunter2" in word]
                assert "hunter2" in child.environ()["REDIS_URL"]
    finally:
        await store.link.client.config_set("requirepass", "")


async def test_a_demo_is_shown_to_browsers(shell: Shell) -> None:
    with served(shell, "--demo") as (process, url):
        async with opened(url) as socket:
            await sees(socket, "12 ready")
        said = await asyncio.to_thread(interrupt, process)
    assert said.code == ExitCode.INTERRUPTED


def test_web_without_a_queue_fails_before_it_serves(shell: Shell) -> None:
    said = shell("--redis", "redis://127.0.0.1:1", "dashboard", "--web", "--port", "0")
    assert said.code == ExitCode.UNAVAILABLE
    assert not said.out


@pytest.mark.parametrize("words", [("--port", "0"), ("--host", "::1"), ("--write",)])
def test_options_of_web_without_web_are_refused(emp: Command, words: tuple[str, ...]) -> None:
    said = emp("dashboard", *words)
    assert said.code == ExitCode.USAGE
    assert f"works only with --web: emp dashboard --web {words[0]}" in said.err


def test_write_contradicts_read_only(emp: Command) -> None:
    said = emp("--read-only", "dashboard", "--web", "--write")
    assert said.code == ExitCode.USAGE
    assert "contradicts --read-only" in said.err


def test_another_address_is_refused_with_a_word_on_tunnels(emp: Command) -> None:
    said = emp("dashboard", "--web", "--host", "0.0.0.0")
    assert said.code == ExitCode.USAGE
    assert "'0.0.0.0' is neither 127.0.0.1 nor ::1" in said.err
    assert "ssh -L 3003:127.0.0.1:3003" in said.err
