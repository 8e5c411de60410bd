"""steer_worker: pause, resume, drain, fence, stop."""

import pytest

from emp_core.domain.worker import WorkerState
from emp_core.errors import NotFound, Refused
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look


async def test_pause_and_resume(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    assert await store.registry.steer(worker.id, WorkerState.PAUSED, reason="cable") == "ready"
    assert await worker.claim() is None
    assert (await store.inspector.worker(worker.id)).reason == "cable"
    assert await store.registry.steer(worker.id, WorkerState.READY) == "paused"
    assert (await worker.take()).job_id == job


async def test_the_worker_is_told_at_once(store: Store) -> None:
    worker = await register(store)
    await store.registry.steer(worker.id, WorkerState.PAUSED)
    assert await worker.tokens() == [f"control - {worker.id}"]


async def test_a_fence_is_lifted_with_the_record_that_led_to_it(store: Store, look: Look) -> None:
    worker = await register(store)
    await store.link.call("RPUSH", store.link.key(f"worker.failures:{worker.id}"), "a", "b")
    await store.registry.steer(worker.id, WorkerState.FENCED)
    await store.registry.steer(worker.id, WorkerState.READY)
    assert look().items(f"worker.failures:{worker.id}") == []


async def test_a_stopped_worker_is_gone_at_once(store: Store, look: Look) -> None:
    worker = await register(store)
    assert await worker.claim() is None
    await store.registry.steer(worker.id, WorkerState.STOPPED, boot="boot-1")
    found = look()
    assert found.scores("workers") == {}
    assert found.scores("workers.gone").keys() == {worker.id}
    assert found.scores("profiles.workers") == {}
    assert (await store.inspector.worker(worker.id)).state == "stopped"
    with pytest.raises(Refused):
        await worker.claim()


async def test_only_the_present_life_speaks_for_itself(store: Store) -> None:
    worker = await register(store)
    with pytest.raises(Refused):
        await store.registry.steer(worker.id, WorkerState.DRAINING, boot="boot-0")
    assert (await store.inspector.worker(worker.id)).state == "ready"


async def test_nobody_and_the_gone_cannot_drain(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.registry.steer("nobody", WorkerState.PAUSED)
    worker = await register(store)
    await store.registry.steer(worker.id, WorkerState.STOPPED)
    with pytest.raises(NotFound):
        await store.registry.steer(worker.id, WorkerState.DRAINING)


async def test_a_gone_worker_can_be_paused_for_its_next_start(store: Store) -> None:
    worker = await register(store)
    await store.registry.steer(worker.id, WorkerState.STOPPED)
    await store.registry.steer(worker.id, WorkerState.PAUSED)
    await register(store, boot="boot-2")
    assert (await store.inspector.worker(worker.id)).state == "paused"


async def test_each_change_is_an_event(store: Store, look: Look) -> None:
    worker = await register(store)
    for state in (WorkerState.PAUSED, WorkerState.READY, WorkerState.STOPPED):
        await store.registry.steer(worker.id, state)
    names = [entry["e"].split(" ")[0] for entry in look().log("events")]
    assert names == ["worker_ready", "worker_paused", "worker_ready", "worker_stopped"]


async def test_a_stopped_worker_remembers_why(store: Store, look: Look) -> None:
    worker = await register(store)
    await store.registry.steer(worker.id, WorkerState.STOPPED, reason="the card is hot")
    assert look().fields(f"worker:{worker.id}")["reason"] == "the card is hot"
