"""emp hub …: from nothing, with an embedded server, and back to nothing."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from daemons.hub.settings import HubSettings
from emp_cli.local.roster import HUB, Roster, this_process
from emp_core import embedded
from emp_core.store import open_store
from tests.cli.conftest import Command, Shell, free_port, interrupt, terminal
from tests.support.builders import register, submit
from tests.support.redis_server import Server
from tests.support.waiting import poll_until

Announced = Callable[[Sequence[str]], AbstractContextManager[object]]

NOTHING = "redis://127.0.0.1:1/0"


@pytest.fixture
def alone(surroundings: Path, emp: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A machine without a Redis; what was started there ends with the test."""
    monkeypatch.delenv("REDIS_URL")
    monkeypatch.setenv("HUB_PORT", str(free_port()))
    yield Shell(os.environ, surroundings)
    emp("hub", "stop", "--queue", "--yes")


@pytest.mark.timeout(180)
def test_a_hub_starts_from_nothing_and_ends(alone: Shell, emp: Command) -> None:
    started = alone("hub", "start", "--detach")
    assert started.code == 0, started.err
    assert "started an embedded" in started.err
    job_id = emp("submit", "--service", "x").out.strip()
    status = json.loads(emp("hub", "status", "-o", "json").out)
    assert status["hubs"][0]["answers"]
    assert (status["queue"]["source"], status["queue"]["durability"]) == ("the embedded server", "everysec")
    second = alone("hub", "start", "--detach")
    assert second.code == 2
    assert "Address already in use" in second.err
    stopped = emp("hub", "stop").err
    assert "stopped the hub" in stopped
    assert "still runs, and workers use it: emp hub stop --queue stops it" in stopped
    assert emp("hub", "status").code == 5
    assert emp("jobs", "-o", "ids").lines == [job_id]
    assert "the queue is kept in" in emp("hub", "stop", "--queue").err
    gone = emp("jobs")
    assert gone.code == 5
    assert "the embedded server is stopped; its jobs are in" in gone.err


def test_without_a_queue_every_command_says_what_to_do(alone: Shell, emp: Command) -> None:
    said = emp("jobs")
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith("error: no queue")
    assert "emp hub start" in said.err


def test_a_redis_that_does_not_answer_is_named_without_its_password(emp: Command) -> None:
    said = emp("jobs", "--redis", "redis://:secret@127.0.0.1:1/0")
    assert said.code == 5
    assert "127.0.0.1:1" in said.err
    assert "secret" not in said.err


def test_stopping_nothing_is_well(alone: Shell, emp: Command) -> None:
    said = emp("hub", "stop")
    assert (said.code, said.err) == (0, "no hub runs on this machine\n")


@pytest.mark.timeout(180)
def test_a_hub_that_cannot_listen_says_so_in_its_own_words(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = shell("hub", "start", "--detach", "--port", str(taken.getsockname()[1]))
    assert said.code == 2
    assert "Address already in use" in said.err


@pytest.mark.timeout(180)
@pytest.mark.parametrize("more", [(), ("--detach",)], ids=["foreground", "detached"])
def test_a_hub_that_cannot_listen_leaves_no_embedded_server_behind(alone: Shell, more: tuple[str, ...]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = alone("hub", "start", "--port", str(taken.getsockname()[1]), *more)
    assert said.code == 2
    assert "Address already in use" in said.err
    assert "stopped the embedded" in said.err
    assert embedded.find(Path(alone.environ["EMP_DATA_DIR"])) is None


@pytest.fixture
def guarded() -> Iterator[str]:
    """The URL of a queue with a password."""
    server = Server("valkey")
    server.client.config_set("requirepass", "secret")
    yield f"unix://:secret@{server.socket}"
    server.close()


@pytest.mark.timeout(180)
def test_no_argument_of_a_detached_hub_holds_the_password(alone: Shell, guarded: str) -> None:
    started = alone("--redis", guarded, "hub", "start", "--detach", "--port", "0")
    assert started.code == 0, started.err
    (hub,) = Roster(Path(alone.environ["EMP_DATA_DIR"]), HUB).living()
    assert "secret" not in " ".join(psutil.Process(hub.pid).cmdline())


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "words", [("hub", "start", "--port", "0"), ("worker", "start", "--services", "simulation")], ids=["hub", "worker"]
)
def test_no_argument_of_a_daemon_holds_the_password(alone: Shell, guarded: str, words: tuple[str, ...]) -> None:
    with alone.begin(*words, "--redis", guarded) as process:
        assert process.stderr is not None
        assert any("hub.listening" in line or "worker.registered" in line for line in process.stderr)
        started = psutil.Process(process.pid)
        for each in (started, *started.children(recursive=True)):
            assert "secret" not in " ".join(each.cmdline())
        interrupt(process)


@pytest.mark.timeout(180)
def test_any_port_is_one_that_others_find_and_that_a_restart_keeps(alone: Shell, emp: Command) -> None:
    alone.environ["REGION"] = "eu"
    started = alone("hub", "start", "--detach", "--port", "0")
    assert started.code == 0, started.err
    (hub,) = json.loads(emp("hub", "status", "-o", "json").out)["hubs"]
    assert hub["answers"]
    assert not hub["url"].endswith(":0")
    assert f"the hub answers at {hub['url']}; " in started.err
    del alone.environ["REGION"]
    restarted = alone("hub", "restart")
    assert restarted.code == 0, restarted.err
    assert f"stopped the hub at {hub['url']}\nthe hub answers at {hub['url']}; " in restarted.err
    (after,) = json.loads(emp("hub", "status", "-o", "json").out)["hubs"]
    assert (after["url"], after["pid"] == hub["pid"]) == (hub["url"], False)
    assert psutil.Process(after["pid"]).environ()["REGION"] == "eu"


def test_restart_of_a_hub_that_runs_in_a_terminal_is_refused(emp: Command, surroundings: Path) -> None:
    assert emp("hub", "restart").code == 5
    with Roster(surroundings / "data", HUB).announced(this_process(HUB, "4711", url="http://127.0.0.1:4711")):
        said = emp("hub", "restart")
    assert said.code == 7
    assert "the hub 4711 (process " in said.err
    assert "was not started with --detach" in said.err


def test_a_hub_is_found_from_when_it_listens_at_the_port_that_it_has(
    emp: Command, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def look() -> None:
        seen.append([hub.url for hub in Roster(surroundings / "data", HUB).living()])

    async def hub(settings: HubSettings, url: str, announced: Announced) -> None:
        assert settings.hub_port == 0  # a port that somebody chose for it may be another's before it listens
        look()
        with announced(["http://127.0.0.1:4711", "http://127.0.0.1:4712"]):
            look()
        look()

    monkeypatch.setattr("daemons.hub.server.run_hub", hub)
    said = emp("hub", "start", "--port", "0")
    assert said.code == 0, said.err
    assert seen == [[], ["http://127.0.0.1:4711"], []]


def test_a_detached_hub_is_asked_where_it_announced_itself_and_nobody_else_is_taken_for_it(
    emp: Command, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster = Roster(surroundings / "data", HUB)
    ours, another = (this_process(HUB, port, url=f"http://127.0.0.1:{port}") for port in ("4711", "4712"))
    parent = psutil.Process(os.getppid())
    began = round(parent.create_time() - psutil.boot_time(), 1)
    monkeypatch.setattr("subprocess.Popen", lambda *words, **options: SimpleNamespace(pid=ours.pid, poll=lambda: None))
    asked: list[str] = []

    def health_code(url: str) -> int:
        asked.append(url)
        return 200

    monkeypatch.setattr("emp_cli.commands.hub._health_code", health_code)
    with roster.announced(replace(another, pid=parent.pid, pid_began=began)), roster.announced(ours):
        said = emp("hub", "start", "--detach", "--port", "0")
    assert asked == [ours.url]
    assert f"the hub answers at {ours.url}; " in said.err


@pytest.mark.timeout(180)
def test_a_hub_has_a_log_and_is_shown_when_it_has_died(alone: Shell, emp: Command) -> None:
    assert alone("hub", "start", "--detach").code == 0
    assert "hub.listening" in emp("hub", "logs", "--tail", "5").out
    (hub,) = json.loads(emp("hub", "status", "-o", "json").out)["hubs"]
    os.kill(hub["pid"], signal.SIGKILL)
    poll_until(lambda: not Roster(Path(alone.environ["EMP_DATA_DIR"]), HUB).living(), "it is dead")
    died = emp("hub", "status")
    assert died.code == 5
    assert f"has died; its log is {hub['log']}" in died.out
    assert "hub.listening" in emp("hub", "logs").out
    assert "had died already" in emp("hub", "stop").err
    assert "none runs on this machine" in emp("hub", "status").out


@pytest.mark.timeout(180)
def test_a_hub_whose_queue_is_gone_is_still_shown(alone: Shell, emp: Command) -> None:
    assert alone("hub", "start", "--detach").code == 0
    redis = Path(alone.environ["EMP_DATA_DIR"]) / "redis" / "server.pid"
    os.kill(int(redis.read_text()), signal.SIGKILL)
    said = emp("hub", "status")
    assert said.code == 5
    assert said.lines[0].startswith(f"hub         http://127.0.0.1:{alone.environ['HUB_PORT']}, process ")
    assert "error: no queue" in said.err


def _make_jobs(data_dir: Path) -> None:
    """One that runs and two that wait, in an embedded server."""

    async def make() -> None:
        store = await open_store(embedded.start(data_dir).url)
        worker = await register(store)
        for _ in range(3):
            await submit(store)
        await worker.take()
        await store.close()

    asyncio.run(make())


@pytest.mark.timeout(180)
def test_stop_of_the_queue_while_jobs_run_needs_yes_if_nobody_can_answer(alone: Shell, emp: Command) -> None:
    data_dir = Path(alone.environ["EMP_DATA_DIR"])
    _make_jobs(data_dir)
    said = emp("hub", "stop", "--queue")
    assert said.code == 2
    assert "stop the queue too? 1 job runs, 2 wait" in said.err
    assert embedded.find(data_dir) is not None
    assert emp("hub", "stop", "--queue", "--yes").code == 0
    assert embedded.find(data_dir) is None


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("\n", 1)])
def test_stop_of_the_queue_while_jobs_run_asks_on_a_terminal(alone: Shell, answer: str, code: int) -> None:
    data_dir = Path(alone.environ["EMP_DATA_DIR"])
    _make_jobs(data_dir)
    with terminal() as (ours, theirs), alone.begin("hub", "stop", "--queue", stdin=theirs, stderr=theirs) as process:
        os.write(ours, answer.encode())
        process.communicate()
    assert process.returncode == code
    assert (embedded.find(data_dir) is None) == (code == 0)
