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


def test_equal_workers_are_one_row_and_the_nearest_is_in_front(emp: Command, do: Do[object]) -> None:
    async def fill(store: Store) -> None:
        for number in range(1, 13):
            await register(store, f"gpu{number}:0", gpu_memory_gb=16)
        await register(store, "big:0", gpu_memory_gb=48)
        await register(store, "paint:0", services=["a1111"])
        await submit(store, id="large", requirements={"gpu_memory_gb": 80})

    do(fill)
    said = emp("explain", "large")
    assert [line for line in said.lines if "nearest" in line] == [
        "  nearest: big:0 would fit if gpu_memory_gb were 80 (has 48)",
        "  nearest: gpu10:0 would fit if gpu_memory_gb were 80 (has 16)",
        "  nearest: paint:0 would fit if services also had comfyui (has a1111) and gpu_memory_gb were 80 (has 24)",
    ]
    rows = [line.split()[:2] for line in said.lines if "never" in line][1:]
    assert rows == [["1", "big:0"], ["12", "gpu[1-12]:0"], ["1", "paint:0"]]
    view = json.loads(emp("explain", "large", "-o", "json").out)
    assert [len(group["workers"]) for group in view["groups"]] == [1, 12, 1]
    assert len(view["workers"]) == 14


def test_workers_that_are_down_for_different_times_are_alike_and_the_jobs_ahead_a_span(
    emp: Command, do: Do[object]
) -> None:
    async def fill(store: Store) -> None:
        for number, memory in enumerate((24, 24, 80)):
            await register(store, f"gpu{number}:0", gpu_memory_gb=memory)
        await submit(store, priority=90, requirements={"gpu_memory_gb": 80}, customer_id="acme")
        await submit(store, priority=80, customer_id="zoo")
        await submit(store, id="last")
        for number in (0, 1):
            now = await store.inspector.now_ms()
            beat = now - 20_500 - 3_000 * number
            await store.link.call("HSET", store.link.key(f"worker:gpu{number}:0"), "beat", beat)
            await store.link.call("ZADD", store.link.key("workers"), now + 10_000, f"gpu{number}:0")

    do(fill)
    said = emp("explain", "last").lines
    assert said[1:5] == [
        "  2 jobs are ahead of it",
        "",
        "ahead of it, the next first",
        "JOBS  NEEDS                      CUSTOMERS",
    ]
    assert [line.split() for line in said[5:7]] == [
        ["1", "comfyui,", "gpu_memory_gb", "80", "acme"],
        ["1", "comfyui", "zoo"],
    ]
    assert said[8].split() == ["COUNT", "WORKERS", "CAN", "START", "AHEAD", "WHY"]
    assert sorted(line.split()[:5] for line in said[9:]) == [
        ["1", "gpu2:0", "not", "now", "2"],
        ["2", "gpu[0-1]:0", "not", "now", "1"],
    ]
    assert [each["jobs"] for each in json.loads(emp("explain", "last", "-o", "json").out)["before"]] == [1, 1]
