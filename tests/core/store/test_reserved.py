"""A waiting job that only reserved workers could run says for which workflows they are."""

import pytest

from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_worker, reap


async def _reserved_for(store: Store, job_id: str) -> tuple[str, ...]:
    job = await store.inspector.job(job_id)
    assert not job.unworkable
    return job.reserved_for


async def test_all_workers_that_fit_are_reserved_for_other_workflows(store: Store) -> None:
    await register(store, "gpu1:0", info={"workflow": "film"})
    await register(store, "gpu2:0", info={"workflow": "clip"})
    plain, of_film, of_other = (
        await submit(store),
        await submit(store, workflow_id="film"),
        await submit(store, workflow_id="x"),
    )
    assert await _reserved_for(store, plain) == ("clip", "film")
    assert await _reserved_for(store, of_film) == ()
    assert await _reserved_for(store, of_other) == ("clip", "film")


async def test_one_free_worker_of_the_same_or_another_profile_is_enough(store: Store) -> None:
    await register(store, "gpu1:0", info={"workflow": "film"})
    job = await submit(store, requirements={"gpu_memory_gb": 8})
    assert await _reserved_for(store, job) == ("film",)
    small = await register(store, "gpu2:0", gpu_memory_gb=4)
    assert await _reserved_for(store, job) == ("film",)
    await store.registry.steer(small.id, WorkerState.STOPPED)
    await register(store, "gpu3:0")
    assert await _reserved_for(store, job) == ()


@pytest.mark.parametrize("how", ["stopped", "lost", "registered anew"])
async def test_a_reservation_ends_with_its_worker(store: Store, look: Look, how: str) -> None:
    await register(store, "gpu1:0", info={"workflow": "film"})
    job = await submit(store)
    if how == "stopped":
        await store.registry.steer("gpu1:0", WorkerState.STOPPED)
    elif how == "lost":
        await end_worker(store, "gpu1:0")
        await reap(store)
    else:
        await register(store, "gpu1:0")
    assert look().fields("workers.reserved") == {}
    assert (await store.inspector.job(job)).reserved_for == ()


async def test_running_and_ended_jobs_say_nothing(store: Store) -> None:
    job = await submit(store)
    worker = await register(store, "gpu1:0")
    claim = await worker.take()
    await register(store, "gpu1:0", info={"workflow": "film"})
    assert await _reserved_for(store, job) == ()
    await worker.complete(claim)
    assert await _reserved_for(store, job) == ()
