"""emp worker …: any worker, shown and steered; one of this machine, started."""

import json

from emp_core.domain.worker import WorkerState
from tests.cli.conftest import Command, Do, Shell, interrupt
from tests.support.builders import register, submit
from tests.support.waiting import poll_until


def test_a_name_alone_shows_the_worker(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, models={"comfyui": ["sdxl"]}, region="eu"))
    said = emp("worker", "gpu1:0")
    assert said.lines[0] == "worker gpu1:0 ready"
    assert any(line.split() == ["models", "comfyui:", "sdxl"] for line in said.lines)
    assert json.loads(emp("worker", "show", "gpu1:0", "-o", "json").out)["capabilities"]["region"] == "eu"


def test_pause_resume_and_drain(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    assert emp("worker", "pause", "gpu1:0", "-m", "driver update").out == "gpu1:0: ready -> paused\n"
    assert "driver update" in emp("workers").out
    assert emp("worker", "resume", "gpu1:0").out == "gpu1:0: paused -> ready\n"
    assert emp("worker", "drain", "gpu1:0").out == "gpu1:0: ready -> draining\n"


def test_a_worker_that_is_not_there(emp: Command) -> None:
    assert emp("worker", "nobody").code == 6
    assert emp("worker", "pause", "nobody").code == 6


def test_a_worker_starts_does_a_job_and_ends_politely(emp: Command, shell: Shell, do: Do[object]) -> None:
    with shell.begin("worker", "start", "--services", "simulation", "--id", "sim:0") as process:
        poll_until(lambda: _state(do) is WorkerState.READY, "the worker is ready")
        said = emp("submit", "--service", "simulation", "--set", "duration=0.05", "--wait", "--timeout", "100s")
        assert said.code == 0
        ended = interrupt(process)
    assert ended.code == 0
    assert "stopping" in ended.err


def _state(do: Do[object]) -> object:
    workers = do(lambda store: store.inspector.workers())
    return workers[0].state if isinstance(workers, list) and workers else None


def test_without_services_it_says_what_to_type(emp: Command) -> None:
    said = emp("worker", "start")
    assert said.code == 2
    assert "emp worker start --services comfyui" in said.err


def test_why_a_service_is_down_is_told_wherever_it_is_shown(emp: Command, do: Do[object]) -> None:
    probed = "comfyui=down\ncomfyui 1767225600000 the file store is unavailable: \x1b[2Jno answer"
    do(lambda store: register(store, probed=probed))
    do(lambda store: submit(store, id="waits"))
    why = "comfyui down: the file store is unavailable: [2Jno answer (for "
    for words in (["workers"], ["worker", "gpu1:0"], ["explain", "waits"], ["explain", "--worker", "gpu1:0"]):
        assert why in emp(*words).out, words
    outage = json.loads(emp("worker", "gpu1:0", "-o", "json").out)["outages"]["comfyui"]
    assert outage["since"] == "2026-01-01T00:00:00.000Z"
