"""emp worker …: any worker, shown and steered; one of this machine, started."""

import json
import os
from typing import Any

import psutil
import pytest

from emp_core.domain.gpu_memory import Gpu, GpuMemory
from emp_core.domain.worker import Worker, WorkerState
from emp_core.store import Store
from tests.cli.conftest import Command, Do, Shell, interrupt, terminal
from tests.support.builders import register, submit
from tests.support.waiting import poll_until


def test_a_name_alone_shows_the_worker(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, models={"comfyui": ["sdxl"]}, region="eu"))
    said = emp("worker", "gpu1:0")
    assert said.lines[0] == "worker gpu1:0 ready"
    assert any(line.split() == ["models", "comfyui:", "sdxl"] for line in said.lines)
    assert json.loads(emp("worker", "show", "gpu1:0", "-o", "json").out)["capabilities"]["region"] == "eu"


def test_first_characters_of_an_id_name_the_worker(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, "gpu1:0"))
    do(lambda store: register(store, "gpu2:0"))
    assert emp("worker", "show", "gpu1").lines[0] == "worker gpu1:0 ready"
    assert emp("worker", "gpu2").lines[0] == "worker gpu2:0 ready"
    assert "gpu1:0" in emp("explain", "--worker", "gpu1").lines[0]
    assert emp("worker", "diff", "gpu1", "gpu2").err == "gpu1:0 and gpu2:0 offer the same\n"
    several = emp("worker", "gpu")
    assert (several.code, several.out) == (2, "")
    assert "gpu could be any of gpu1:0, gpu2:0" in several.err


def test_loaded_models_and_free_memory_are_shown(emp: Command, do: Do[object]) -> None:
    async def beat(store: Store) -> None:
        worker = await register(store)
        memory = GpuMemory(gpus=(Gpu(24 * 10**9, 3 * 10**9),), loaded={"comfyui": ("flux\x1b[2J",)})
        await store.broker.beat(worker.life, "comfyui=up", [], memory=memory.text())

    do(beat)
    out = emp("worker", "gpu1:0").out
    assert "\nvram        3.0 of 24.0 GB free\nloaded      flux[2J\n" in out
    assert "3.0 of 24.0 GB free" in emp("workers", "--columns", "vram,loaded").out
    (view,) = json.loads(emp("workers", "-o", "json").out)
    assert view["gpu_memory"] == [{"total": 24 * 10**9, "free": 3 * 10**9}]
    assert view["loaded_models"] == {"comfyui": ["flux\x1b[2J"]}


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


def test_worker_without_id_is_machine_and_zero(shell: Shell, do: Do[object]) -> None:
    shell.environ["MACHINE_ID"] = "box"
    with shell.begin("worker", "start", "--services", "simulation") as process:
        assert _ids(do, 1) == ["box:0"]
        interrupt(process)


def test_workers_where_lists_those_that_match(emp: Command, do: Do[Any]) -> None:
    do(lambda store: register(store, "gpu1:0"))
    do(lambda store: register(store, "gpu2:0", gpu_memory_gb=80))
    assert emp("workers", "--where", "gpu>=48", "-q").lines == ["gpu2:0"]
    none = emp("workers", "--where", "gpu>=96")
    assert (none.code, none.out, none.err) == (0, "", "nothing to show\n")
    wrong = emp("workers", "--where", "machin:gpu1")
    assert wrong.code == 2
    assert "unknown field 'machin'; did you mean machine?" in wrong.err


@pytest.mark.timeout(180)
def test_count_of_workers_adds_an_index_to_the_id(shell: Shell, do: Do[object]) -> None:
    with shell.begin("worker", "start", "--services", "simulation", "--id", "render", "--count", "2") as process:
        assert _ids(do, 2) == ["render:0", "render:1"]
        ended = interrupt(process)
    assert ended.code == 0
    assert ended.err.count("stopping: no job is running") == 2


@pytest.mark.timeout(180)
def test_count_of_one_worker_adds_no_index(shell: Shell, do: Do[object]) -> None:
    with shell.begin("worker", "start", "--services", "simulation", "--id", "render", "--count", "1") as process:
        assert _ids(do, 1) == ["render"]
        interrupt(process)


@pytest.mark.timeout(180)
def test_gpus_starts_a_worker_for_each_gpu(shell: Shell, do: Do[list[Worker]]) -> None:
    shell.environ["MACHINE_ID"] = "box"
    with shell.begin("worker", "start", "--services", "simulation", "--gpus", "2") as process:
        assert _ids(do, 2) == ["box:0", "box:1"]
        workers = do(lambda store: store.inspector.workers())
        environs = [psutil.Process(worker.info["pid"]).environ() for worker in workers]
        assert [environ["CUDA_VISIBLE_DEVICES"] for environ in environs] == ["0", "1"]
        assert [worker.capabilities.gpu_count for worker in workers] == [1, 1]
        interrupt(process)


def test_gpus_and_count_together_are_refused(emp: Command) -> None:
    said = emp("worker", "start", "--services", "simulation", "--gpus", "2", "--count", "2")
    assert said.code == 2
    assert "leave out --count" in said.err


def _ids(do: Do[Any], count: int) -> list[str]:
    """The ids of the live workers, once there are so many."""

    def ids() -> list[str]:
        return [worker.id for worker in do(lambda store: store.inspector.workers())]

    poll_until(lambda: len(ids()) == count, f"{count} workers")
    return ids()


@pytest.fixture
def fleet(do: Do[object]) -> None:
    """Three workers on two machines, of two services."""

    async def make(store: Store) -> None:
        await register(store, "gpu1:0")
        await register(store, "gpu1:1", services=("simulation",), probed="simulation=up")
        await register(store, "gpu2:0", machine="gpu2")

    do(make)


def _states(do: Do[Any]) -> dict[str, str]:
    return {worker.id: worker.state.value for worker in do(lambda store: store.inspector.workers())}


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["gpu1:0", "gpu2"], ["gpu1:0", "gpu2:0"]),
        (["--all"], ["gpu1:0", "gpu1:1", "gpu2:0"]),
        (["--machine", "gpu1"], ["gpu1:0", "gpu1:1"]),
        (["--machine", "gpu1", "--service", "comfyui"], ["gpu1:0"]),
        (["--service", "comfyui"], ["gpu1:0", "gpu2:0"]),
        (["--state", "paused"], []),
        (["--where", "worker:gpu1* service:comfyui"], ["gpu1:0"]),
        (["--where", "-machine:gpu2 busy=0 uptime<1h"], ["gpu1:0", "gpu1:1"]),
        (["--where", "gpu>=24 status:paused"], []),
    ],
)
def test_order_to_workers_reaches_those_that_are_named_or_match(
    emp: Command, do: Do[Any], words: list[str], changed: list[str]
) -> None:
    said = emp("worker", "pause", *words, "--yes")
    assert said.code == 0, said.err
    assert said.lines == [f"{name}: ready -> paused" for name in changed]
    assert [name for name, state in _states(do).items() if state == "paused"] == changed


@pytest.mark.usefixtures("fleet")
def test_order_to_several_workers_needs_yes_if_nobody_can_answer(emp: Command, do: Do[Any]) -> None:
    said = emp("worker", "drain", "--machine", "gpu1")
    assert said.code == 2
    assert "drain 2 workers: 2 ready?" in said.err
    assert set(_states(do).values()) == {"ready"}
    assert emp("worker", "drain", "--machine", "gpu2").lines == ["gpu2:0: ready -> draining"]


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(("answer", "code", "states"), [("y\n", 0, {"paused"}), ("\n", 1, {"ready"})])
def test_order_to_several_workers_asks_on_a_terminal(
    shell: Shell, do: Do[Any], answer: str, code: int, states: set[str]
) -> None:
    with terminal() as (ours, theirs), shell.begin("worker", "pause", "--all", stdin=theirs, stderr=theirs) as process:
        os.write(ours, answer.encode())
        process.communicate()
    assert process.returncode == code
    assert set(_states(do).values()) == states


@pytest.mark.usefixtures("fleet")
def test_dry_run_of_an_order_to_workers_changes_nothing(emp: Command, do: Do[Any]) -> None:
    said = emp("worker", "pause", "--all", "--dry-run", "-o", "ids")
    assert said.lines == ["gpu1:0", "gpu1:1", "gpu2:0"]
    assert "would pause 3 workers: 3 ready; nothing was done" in said.err
    assert set(_states(do).values()) == {"ready"}


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("customer:acme", "unknown field 'customer'"),
        ("machin:gpu1", "did you mean machine?"),
        ("state:x", "mean status?"),
    ],
)
def test_filter_of_workers_by_a_field_that_they_lack_exits_2(emp: Command, where: str, message: str) -> None:
    said = emp("worker", "pause", "--where", where)
    assert said.code == 2
    assert message in said.err


@pytest.mark.usefixtures("fleet")
def test_order_to_workers_with_a_wrong_name_reaches_the_others(emp: Command) -> None:
    said = emp("worker", "pause", "gpu1", "nobody", "gpu2:0")
    assert said.code == 2
    assert said.lines == ["gpu2:0: ready -> paused"]
    assert "gpu1 could be any of gpu1:0, gpu1:1" in said.err
    assert "no worker nobody" in said.err


@pytest.mark.usefixtures("fleet")
def test_order_to_workers_prints_a_bare_array(emp: Command) -> None:
    assert json.loads(emp("worker", "resume", "--all", "-o", "json").out) == []
    (worker,) = json.loads(emp("worker", "pause", "gpu2:0", "-m", "swap", "-o", "json").out)
    assert (worker["id"], worker["state"], worker["reason"]) == ("gpu2:0", "paused", "swap")


@pytest.mark.parametrize("words", [[], ["gpu1:0", "--all"]])
def test_order_to_workers_needs_ids_or_a_description(emp: Command, words: list[str]) -> None:
    assert emp("worker", "pause", *words).code == 2


def test_diff_shows_what_two_workers_do_not_share(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, "gpu1:0", gpu_memory_gb=24, models={"comfyui": ["flux", "sdxl"]}))
    do(lambda store: register(store, "gpu2:0", gpu_memory_gb=48, models={"comfyui": ["flux"]}))
    said = emp("worker", "diff", "gpu1:0", "gpu2:0")
    assert [line.split() for line in said.lines] == [
        ["CAPABILITY", "gpu1:0", "gpu2:0"],
        ["gpu_memory_gb", "24", "48"],
        ["models.comfyui", "flux,", "sdxl", "flux"],
    ]
    (memory, models) = json.loads(emp("worker", "diff", "gpu1:0", "gpu2:0", "-o", "json").out)
    assert (memory["capability"], memory["values"]) == ("gpu_memory_gb", {"gpu1:0": 24, "gpu2:0": 48})
    assert models["values"]["gpu2:0"] == ["flux"]
    assert emp("worker", "diff", "gpu1:0", "gpu1:0").err == "gpu1:0 and gpu1:0 offer the same\n"
    assert emp("worker", "diff", "gpu1:0", "nobody").code == 6
