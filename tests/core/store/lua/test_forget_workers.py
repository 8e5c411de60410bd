"""forget_workers: a gone worker is remembered for a day."""

from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import age

DAY_MS = 86_400_000


async def test_a_worker_gone_for_a_day_is_forgotten_whole(store: Store, look: Look) -> None:
    worker = await register(store)
    await store.link.call("RPUSH", store.link.key(f"worker.failures:{worker.id}"), "a")
    await store.registry.steer(worker.id, WorkerState.STOPPED)
    assert await store.upkeep.forget_workers() == 0
    await age(store, "workers.gone", worker.id, DAY_MS + 1)
    assert await store.upkeep.forget_workers() == 1
    assert [key for key in look().entries if worker.id in key] == []
    assert look().scores("workers.gone") == {}
    assert await store.inspector.workers(gone=True) == []


async def test_one_that_came_back_is_not(store: Store, look: Look) -> None:
    worker = await register(store)
    await store.registry.steer(worker.id, WorkerState.STOPPED)
    await age(store, "workers.gone", worker.id, DAY_MS + 1)
    await register(store, boot="boot-2")
    assert await store.upkeep.forget_workers() == 0
    assert f"worker:{worker.id}" in look().entries


async def test_last_job_of_a_forgotten_worker_takes_its_name_along_when_claimed(store: Store, look: Look) -> None:
    gone = await register(store)
    await submit(store)
    await gone.release(await gone.take())
    await store.registry.steer(gone.id, WorkerState.STOPPED)
    await age(store, "workers.gone", gone.id, DAY_MS + 1)
    assert await store.upkeep.forget_workers() == 1
    other = await register(store, "gpu2:0")
    assert look().members("workers.named") == {gone.id, other.id}
    await other.take()
    assert look().members("workers.named") == {other.id}
