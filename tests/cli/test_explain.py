"""emp explain, as it is read."""

import json

from emp_core.store import Store
from tests.cli.conftest import Command, Do
from tests.support.builders import register, submit


def test_a_job_that_can_never_run_names_the_smallest_remedy(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, gpu_memory_gb=16))
    do(lambda store: submit(store, id="large", requirements={"gpu_memory_gb": 24}))
    said = emp("explain", "larg")
    assert said.code == 0
    assert said.lines[:3] == [
        "job large is pending, can start: never",
        "  the only live worker cannot run it",
        "  nearest: gpu1:0 would fit if gpu_memory_gb were 24 (has 16)",
    ]
    assert said.lines[-1].split() == [
        "gpu1:0",
        "never",
        *["gpu_memory_gb:", "needs", "24", "GB,", "worker", "has", "16", "GB"],
    ]


def test_the_json_has_every_worker_and_dimension(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    do(lambda store: submit(store, id="fits"))
    view = json.loads(emp("explain", "fits", "-o", "json").out)
    assert (view["tier"], view["reasons"][0]["code"]) == ("now", "free")
    assert view["workers"][0]["dimensions"]["hardware"] == []


def test_a_worker_tells_what_it_skips(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    do(lambda store: submit(store, requirements={"gpu_memory_gb": 80, "models": ["flux"]}))
    do(lambda store: submit(store))
    out = emp("explain", "--worker", "gpu1:0").out
    assert "it can run 1 waiting job and skips 1 waiting job" in out
    assert "gpu_memory_gb: needs 80 GB, worker has 24 GB" in out
    assert json.loads(emp("explain", "--worker", "gpu1:0", "-o", "json").out)["skips"][0]["jobs"] == 1


def test_a_job_that_does_not_wait_is_not_held_against_the_fleet(emp: Command, do: Do[object]) -> None:
    async def begin(store: Store) -> None:
        worker = await register(store)
        await submit(store, id="runs")
        await worker.take()

    do(begin)
    assert emp("explain", "runs").lines == ["job runs is active", "  it runs on gpu1:0, attempt 1"]
    do(lambda store: submit(store, id="gone"))
    emp("job", "cancel", "gone")
    assert emp("explain", "gone").lines[0] == "job gone is cancelled"
    assert len(emp("explain", "gone").lines) == 2


def test_one_of_them_must_be_named(emp: Command) -> None:
    assert emp("explain").code == 2
    assert emp("explain", "x", "--worker", "y").code == 2
    assert emp("explain", "nobody").code == 6
    assert emp("explain", "--worker", "nobody").code == 6
