"""Workers that run in the background of this machine: started, listed, read, stopped and started again."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from emp_cli.local.roster import WORKER, Roster, this_process
from emp_core.domain.job import Job
from emp_core.domain.states import JobState
from tests.cli.conftest import Command, Do, Shell, interrupt
from tests.support.builders import submit
from tests.support.waiting import poll_until

pytestmark = pytest.mark.timeout(240)

START = ("worker", "start", "--services", "simulation", "--detach")


@pytest.fixture
def here(shell: Shell, emp: Command) -> Iterator[Shell]:
    """Starts workers on this machine, which end with the test."""
    yield shell
    emp("worker", "stop", "--all", "--now")


@pytest.fixture
def directory(surroundings: Path) -> Path:
    return surroundings / "data" / "worker"


def status(emp: Command) -> list[dict[str, Any]]:
    said = emp("worker", "status", "-o", "json")
    assert said.code == 0, said.err
    found: list[dict[str, Any]] = json.loads(said.out)
    return found


def test_detached_worker_runs_jobs_is_listed_has_a_log_and_stops(here: Shell, emp: Command, directory: Path) -> None:
    started = here(*START, "--id", "render")
    assert started.code == 0, started.err
    assert "worker render runs in the background (process " in started.err
    job = emp("submit", "--service", "simulation", "--set", "duration=0.05", "--wait", "--timeout", "100s")
    assert job.code == 0
    (worker,) = status(emp)
    assert (worker["id"], worker["state"], worker["jobs"]) == ("render", "ready", [])
    assert worker["log"] == str(directory / "render.log")
    assert "how=complete" in emp("worker", "logs", "--tail", "1").out
    assert emp("worker", "stop", "ren").out == "render: stopped\n"
    assert status(emp) == []
    assert "worker.registered" in emp("worker", "logs", "render").out
    assert [path.name for path in directory.iterdir()] == ["render.log"]


def test_stop_says_which_jobs_it_waits_for_and_now_gives_them_back(here: Shell, emp: Command, do: Do[Any]) -> None:
    assert here(*START).code == 0
    job_id = do(lambda store: submit(store, service="simulation", payload={"hang": 1}))

    def job() -> Job:
        found: Job = do(lambda store: store.inspector.job(job_id))
        return found

    poll_until(lambda: job().state is JobState.ACTIVE, "the job runs")
    waited = emp("worker", "stop", "--wait", "0")
    assert waited.code == 8
    assert f" waits for {job_id}\n" in waited.err
    assert "emp worker stop --now" in waited.err
    assert [worker["jobs"] for worker in status(emp)] == [[job_id]]
    stopped = emp("worker", "stop", "--now")
    assert stopped.code == 0
    assert f" gives back {job_id}\n" in stopped.err
    assert (job().state, job().releases) == (JobState.PENDING, 1)


def test_restart_keeps_id_arguments_and_environment(here: Shell, emp: Command) -> None:
    here.environ["REGION"] = "eu"
    assert here(*START, "--slots", "3").code == 0
    del here.environ["REGION"]
    (before,) = status(emp)
    said = here("worker", "restart")
    assert said.code == 0, said.err
    (after,) = status(emp)
    assert after["pid"] != before["pid"]
    assert after["id"] == before["id"]
    assert after["arguments"] == [*before["arguments"], "--id", before["id"]]
    assert psutil.Process(after["pid"]).environ()["REGION"] == "eu"


def test_killed_worker_is_listed_as_died_and_restart_starts_it(here: Shell, emp: Command) -> None:
    assert here(*START, "--id", "render").code == 0
    os.kill(status(emp)[0]["pid"], signal.SIGKILL)
    poll_until(lambda: status(emp)[0]["state"] == "died", "it has died")
    said = here("worker", "restart")
    assert said.code == 0, said.err
    assert "render: had died already" in said.out
    assert status(emp)[0]["state"] == "ready"


def test_restart_that_stops_waiting_starts_again_what_has_stopped(here: Shell, emp: Command) -> None:
    assert here(*START, "--id", "render", "--count", "2").code == 0
    assert emp("submit", "--service", "simulation", "--set", "duration=600").code == 0
    poll_until(lambda: [len(worker["jobs"]) for worker in status(emp)].count(1) == 1, "one of them is busy")
    before = {worker["id"]: worker for worker in status(emp)}
    said = here("worker", "restart", "--all", "--wait", "20s")
    assert said.code == 8
    after = {worker["id"]: worker for worker in status(emp)}
    assert after.keys() == before.keys()
    again = [name for name in before if after[name]["pid"] != before[name]["pid"]]
    assert again == [name for name, worker in before.items() if not worker["jobs"]]


def test_several_workers_are_stopped_by_all_and_not_by_none(here: Shell, emp: Command) -> None:
    assert here(*START, "--id", "render", "--count", "2").code == 0
    none = emp("worker", "stop")
    assert none.code == 2
    assert "which workers? 2 are on this machine" in none.err
    assert emp("worker", "stop", "render").code == 2
    assert emp("worker", "stop", "other").code == 6
    assert sorted(emp("worker", "stop", "--all").lines) == ["render:0: stopped", "render:1: stopped"]


@pytest.mark.parametrize(
    ("variable", "value", "code", "words"),
    [("REDIS_URL", "redis://127.0.0.1:1/0", 5, "cannot reach Redis"), ("SERVICES", "none", 2, "there is no connector")],
)
def test_detached_worker_that_cannot_start_exits_with_its_own_error(
    here: Shell, directory: Path, variable: str, value: str, code: int, words: str
) -> None:
    here.environ |= {"SERVICES": "simulation", variable: value}
    said = here("worker", "start", "-d")
    assert said.code == code
    assert words in said.err
    assert not directory.exists() or list(directory.iterdir()) == []


def test_data_directory_that_cannot_be_written_is_one_line(here: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    here.environ["EMP_DATA_DIR"] = str(tmp_path / "file")
    said = here(*START)
    assert said.code == 2
    assert said.err.startswith("error: EMP_DATA_DIR: cannot write to ")
    del here.environ["EMP_DATA_DIR"]


def test_worker_of_a_terminal_is_listed_and_has_no_log(here: Shell, emp: Command) -> None:
    with here.begin(*START[:-1], "--id", "render") as process:
        poll_until(lambda: [worker["id"] for worker in status(emp)] == ["render"], "it is listed")
        assert status(emp)[0]["log"] is None
        assert emp("worker", "logs").code == 7
        assert here("worker", "restart").code == 7
        assert emp("worker", "stop").out == "render: stopped\n"
        process.communicate()
    assert process.returncode == 0


def test_worker_whose_file_names_the_data_directory_is_found(
    emp: Command, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EMP_DATA_DIR")
    (surroundings / ".env.worker").write_text(f"EMP_DATA_DIR={surroundings}/elsewhere\n")
    with Roster(surroundings / "elsewhere", WORKER).announced(this_process(WORKER, "render")):
        assert emp("worker", "status", "-o", "ids").lines == ["render"]


def test_ctrl_c_stops_workers_that_are_not_ready_yet(here: Shell, directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        here.environ["REDIS_URL"] = f"redis://127.0.0.1:{deaf.getsockname()[1]}/0"
        with here.begin(*START, "--count", "2") as process, deaf.accept()[0]:
            poll_until(lambda: len(list(directory.glob("starting-*"))) == 2, "both are starting")
            ended = interrupt(process)
    assert ended.code == 130
    assert list(directory.iterdir()) == []
    assert ended.err.count("again") == 2
