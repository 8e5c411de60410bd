"""What waits and runs by class and workflow, and what the fleet offers for it."""

import pytest

from emp_core.domain.demand import Demand, Fleet, Group, Offer, Workflows, by_class, by_customer, by_model
from emp_core.domain.worker import WorkerState
from emp_core.store import Store, demand
from emp_core.store.demand import read_demand, read_workflows
from tests.support.builders import register, submit


async def demanded(store: Store) -> Demand:
    return await read_demand(store.link, await store.inspector.workers())


async def grouped(store: Store, kind: str) -> dict[str, Group]:
    found, now = await demanded(store), await store.inspector.now_ms()
    groups = {"classes": by_class, "customers": by_customer, "models": by_model}[kind](found, Fleet(found, now))
    return {group.name: group for group in groups}


async def test_an_empty_queue_has_no_demand(store: Store) -> None:
    assert await demanded(store) == Demand()
    assert await read_workflows(store.link, []) == Workflows()


async def test_customers_have_their_pending_and_running_jobs(store: Store) -> None:
    await submit(store, customer_id="acme")
    worker = await register(store)
    await worker.take()
    first = await submit(store, customer_id="acme")
    await submit(store, customer_id="acme", requirements={"gpu_memory_gb": 8}, priority=90)
    await submit(store)
    found = await grouped(store, "customers")
    assert {name: (each.pending, each.running) for name, each in found.items()} == {"acme": (2, 1), "": (1, 0)}
    assert found["acme"].oldest_at == (await store.inspector.job(first)).created_at


async def test_a_class_that_only_runs_is_found(store: Store) -> None:
    await submit(store, customer_id="acme")
    await (await register(store)).take()
    (found,) = (await demanded(store)).classes
    assert (found.requirements.customer_id, found.pending, found.running, found.oldest_at) == ("acme", 0, 1, None)


async def test_the_oldest_job_is_found_behind_jobs_of_a_higher_priority(store: Store) -> None:
    first = await submit(store, priority=10)
    for priority in (20, 90, 90):
        await submit(store, priority=priority)
    (found,) = (await demanded(store)).classes
    assert (found.pending, found.oldest_at) == (4, (await store.inspector.job(first)).created_at)


async def test_classes_at_their_limit_are_not_lost(store: Store) -> None:
    await store.broker.set_limit("customer:acme", 1)
    worker = await register(store, slots=2)
    for _ in range(3):
        await submit(store, customer_id="acme")
    await worker.take()
    assert await worker.claim() is None
    found = (await grouped(store, "customers"))["acme"]
    assert (found.pending, found.running, found.at_limit) == (2, 1, 2)


async def test_a_job_that_waits_for_another_worker_counts_as_pending(store: Store) -> None:
    worker = await register(store)
    await register(store, "gpu2:0")
    job = await submit(store)
    await worker.release(await worker.take(), "service down")
    assert await store.link.call("ZCARD", store.link.key("avoided")) == 1
    (found,) = (await demanded(store)).classes
    assert (found.pending, found.oldest_at) == (1, (await store.inspector.job(job)).created_at)


async def test_the_offer_counts_the_workers_that_fit_and_their_free_slots(store: Store) -> None:
    await register(store, "small:0", gpu_memory_gb=8)
    big = await register(store, "big:0", gpu_memory_gb=80, slots=3)
    await submit(store, requirements={"gpu_memory_gb": 48})
    await big.take()
    await submit(store, requirements={"gpu_memory_gb": 48})
    await submit(store, requirements={"gpu_memory_gb": 96})
    await submit(store)
    found = {each.asks.gpu_memory_gb: each for each in (await grouped(store, "classes")).values() if each.asks}
    assert {asked: each.offer for asked, each in found.items()} == {
        48.0: Offer(workers=1, slots=3, free=2),
        96.0: Offer(),
        None: Offer(workers=2, slots=4, free=3),
    }
    assert {asked: each.unworkable for asked, each in found.items()} == {48.0: 0, 96.0: 1, None: 0}


@pytest.mark.parametrize("state", [WorkerState.PAUSED, WorkerState.DRAINING])
async def test_a_worker_that_takes_no_jobs_offers_no_free_slot(store: Store, state: WorkerState) -> None:
    await register(store)
    await submit(store)
    await store.registry.steer("gpu1:0", state)
    (found,) = (await grouped(store, "classes")).values()
    assert found.offer == Offer(workers=1, slots=1, free=0)


async def test_a_service_that_is_down_is_not_offered(store: Store) -> None:
    await register(store, services=["comfyui", "ollama"], probed="comfyui=down ollama=up")
    await submit(store)
    await submit(store, service="ollama")
    found = (await grouped(store, "classes")).values()
    assert {each.asks.services[0]: each.offer.workers for each in found if each.asks} == {"comfyui": 0, "ollama": 1}


async def test_models_are_those_that_jobs_need_and_workers_list(store: Store) -> None:
    await register(store, models={"comfyui": ["flux", "sdxl"]})
    await submit(store, requirements={"models": ["sdxl"]})
    await submit(store, requirements={"models": ["sd3"]})
    found = await grouped(store, "models")
    assert {name: (each.pending, each.offer.workers) for name, each in found.items()} == {
        "sdxl": (1, 1),
        "sd3": (1, 0),
        "flux": (0, 1),
    }


async def test_classes_beyond_the_bound_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "MOST_CLASSES", 2)
    await register(store)
    for customer in ("a", "b", "c", "d", "e"):
        await submit(store, customer_id=customer)
    found = await demanded(store)
    assert (len(found.classes), found.more_classes) == (2, 3)


async def test_classes_are_read_in_portions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "CLASSES_AT_ONCE", 2)
    for customer in ("a", "b", "c", "d", "e"):
        await submit(store, customer_id=customer)
    assert {each.requirements.customer_id for each in (await demanded(store)).classes} == {"a", "b", "c", "d", "e"}


async def test_damaged_records_are_left_out(store: Store) -> None:
    await submit(store, customer_id="acme")
    lost = await submit(store, customer_id="globex")
    class_id = (await store.inspector.job(lost)).class_id
    key = store.link.key(f"class:{class_id}")
    kept = await store.link.call("DUMP", key)
    await store.link.call("SET", key, "damaged")
    assert [each.requirements.customer_id for each in (await demanded(store)).classes] == ["acme"]
    await store.link.call("RESTORE", key, 0, kept, "REPLACE")


async def test_workflows_are_those_that_run_and_those_that_are_next(store: Store) -> None:
    await submit(store, workflow_id="film", priority=70)
    worker = await register(store)
    await worker.take()
    first = await submit(store, workflow_id="film")
    await submit(store, workflow_id="song")
    await submit(store)
    await register(store, "gpu2:0", info={"workflow": "film"})
    found = await read_workflows(store.link, await store.inspector.workers())
    assert (found.exact, found.looked_at) == (True, 3)
    film, song = found.workflows
    assert (film.name, film.priority, film.pending, film.running, film.jobs, film.reserved) == ("film", 70, 1, 1, 2, 1)
    assert film.oldest_at is not None
    assert film.oldest_at <= (await store.inspector.job(first)).created_at
    assert (song.name, song.pending, song.running, song.jobs) == ("song", 1, 0, 1)


async def test_workflows_of_jobs_further_behind_are_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "MOST_NEXT", 1)
    await submit(store, workflow_id="film")
    await submit(store, workflow_id="song")
    found = await read_workflows(store.link, [])
    assert ([each.name for each in found.workflows], found.exact) == (["film"], False)
