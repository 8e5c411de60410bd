"""take_turn: wake-ups where not every worker may take every job that fits it. No worker polls here either."""

from dataclasses import replace

import pytest

from emp_core.domain.outcome import Result
from emp_core.domain.worker import WorkerState
from emp_core.ids import new_nonce
from emp_core.store import Store, Wish, completed
from tests.support.builders import WorkerDriver, make_capabilities, make_request, register, submit
from tests.support.snapshot import Look

A_MODEL, ANOTHER = {"models": ["a"]}, {"models": ["b"]}


async def _idle(
    store: Store, name: str, workflow: str = "", customers: tuple[str, ...] = (), **offer: object
) -> WorkerDriver:
    worker = await register(store, name, **offer)  # type: ignore[arg-type]
    assert await worker.claim(workflow=workflow, customers=customers) is None
    return worker


async def _served(*workers: WorkerDriver) -> list[str]:
    """All that is woken claims, until nobody is: the jobs that ran."""
    served: list[str] = []
    while tokens := [(worker, token) for worker in workers for token in await worker.tokens()]:
        for worker, token in tokens:
            claimed = await worker.claim(token=token.split()[1])
            served += [claimed.job_id] if claimed else []
    return served


async def test_each_permit_that_is_freed_finds_its_worker(store: Store) -> None:
    """The first end unparks the class; the second one finds nothing parked."""
    await store.broker.set_limit("customer:acme", 2)
    busy = [await register(store, name) for name in ("busy1", "busy2")]
    running = []
    for worker in busy:
        await submit(store, customer_id="acme")
        running.append(await worker.take())
    waiting = {await submit(store, customer_id="acme") for _ in range(2)}
    idle = [await _idle(store, name) for name in ("idle1", "idle2")]
    for worker, claim in zip(busy, running, strict=True):
        await worker.complete(claim)
    assert set(await _served(*idle)) == waiting


async def test_a_permit_goes_to_a_class_that_nobody_tried_meanwhile(store: Store) -> None:
    await store.broker.set_limit("customer:acme", 1)
    busy = await register(store, "busy")
    await submit(store, customer_id="acme")
    claim = await busy.take()
    jobs = [await submit(store, customer_id="acme", requirements=asked) for asked in (A_MODEL, ANOTHER)]
    first = await _idle(store, "first", models={"comfyui": ["a"]})
    second = await _idle(store, "second", models={"comfyui": ["b"]})
    await busy.complete(claim)
    for _ in jobs:
        (worker,) = [
            one for one in (first, second) if await store.link.call("LLEN", store.link.key(f"wake:{one.waiter}"))
        ]
        (token,) = await worker.tokens()
        claim = await worker.take(token=token.split()[1])
        await worker.turn(completed(claim, Result()))
    assert (await store.inspector.summary()).jobs["pending"] == 0


async def test_a_permit_that_its_worker_cannot_use_goes_to_another_class(store: Store) -> None:
    await store.broker.set_limit("customer:acme", 1)
    busy = await register(store, "busy")
    await submit(store, customer_id="acme")
    claim = await busy.take()
    for asked in (A_MODEL, ANOTHER):
        await submit(store, customer_id="acme", requirements=asked)
    idle = {
        "a": await _idle(store, "first", models={"comfyui": ["a"]}),
        "b": await _idle(store, "second", models={"comfyui": ["b"]}),
    }
    await busy.complete(claim)
    (woken,) = [
        name for name, one in idle.items() if await store.link.call("LLEN", store.link.key(f"wake:{one.waiter}"))
    ]
    await store.registry.steer(idle.pop(woken).id, WorkerState.DRAINING)
    (other,) = idle.values()
    assert len(await _served(other)) == 1


async def test_a_limit_that_is_taken_away_wakes_for_what_is_not_parked_too(store: Store) -> None:
    """One of two ends; who is woken parks its own class again, but not the other."""
    busy = await register(store, "busy", gpu_memory_gb=8)
    for _ in range(2):
        await submit(store, customer_id="acme", requirements={"gpu_memory_gb": 8})
    first, _ = await busy.take(), await busy.take()
    await store.broker.set_limit("customer:acme", 1)
    waiting = {await submit(store, customer_id="acme", requirements=asked) for asked in (A_MODEL, ANOTHER)}
    idle = [await _idle(store, name, models={"comfyui": [name]}) for name in ("a", "b")]
    await busy.complete(first)
    assert await _served(*idle) == []
    await store.broker.set_limit("customer:acme", None)
    assert set(await _served(*idle)) == waiting


async def test_a_limit_that_is_taken_away_wakes_for_a_job_that_avoids_somebody(store: Store) -> None:
    """Its class has no head, and is not parked."""
    busy = await register(store, "busy", gpu_memory_gb=8)
    await submit(store, customer_id="acme", requirements={"gpu_memory_gb": 8})
    await busy.take()
    bad, good = [await register(store, name, models={"comfyui": ["b"]}) for name in ("bad", "good")]
    job = await submit(store, customer_id="acme", requirements=ANOTHER)
    claim = await bad.take()
    await store.broker.set_limit("customer:acme", 1)
    await bad.release(claim)
    assert await good.claim() is None
    assert await _served(good) == []
    await store.link.call("SREM", store.link.key("parked"), (await store.inspector.job(job)).class_id)
    await store.link.call("DEL", store.link.key("parked:customer:acme"))
    await store.broker.set_limit("customer:acme", None)
    assert await _served(good) == [job]


@pytest.mark.parametrize("in_front", [{}, {"workflow_id": "other"}])
async def test_a_job_behind_others_wakes_the_worker_of_its_workflow(store: Store, in_front: dict[str, str]) -> None:
    """Of a new class, which is judged after the jobs are there."""
    reserved = await _idle(store, "reserved", workflow="x")
    asked = {"gpu_memory_gb": 7}
    await store.broker.submit_many(
        [make_request(requirements=asked, **in_front), make_request(requirements=asked, workflow_id="x")]
    )
    assert len(await reserved.tokens()) == 1


async def test_a_limit_that_is_raised_wakes_the_worker_of_a_workflow_behind(store: Store) -> None:
    await store.broker.set_limit("customer:acme", 0)
    for workflow in ("other", "x"):
        await submit(store, customer_id="acme", workflow_id=workflow)
    reserved = await _idle(store, "reserved", workflow="x")
    await store.broker.set_limit("customer:acme", None)
    assert len(await reserved.tokens()) == 1


@pytest.mark.parametrize("wish", [{"workflow": "x"}, {"customers": ("acme",)}])
async def test_of_very_many_reserved_workers_the_one_that_fits_is_woken(store: Store, wish: dict[str, object]) -> None:
    for number in range(20):
        await _idle(store, f"small{number}", gpu_memory_gb=8, **wish)  # type: ignore[arg-type]
    large = await _idle(store, "large", gpu_memory_gb=80, **wish)  # type: ignore[arg-type]
    await submit(store, workflow_id="x", customer_id="acme", requirements={"gpu_memory_gb": 48})
    assert len(await large.tokens()) == 1


async def test_a_profile_that_a_reserved_worker_waits_under_is_kept(store: Store, look: Look) -> None:
    """It is what is left of the registered one while a service is down, and nobody else uses it."""
    whole = make_capabilities(services=["comfyui", "a1111"])
    worker = await register(store, "gpu1:0", capabilities=whole)
    left = whole.without_services(frozenset(["a1111"]))
    await store.registry.open_profile(left)
    await store.link.call("ZADD", store.link.key("profiles.used"), "XX", 1, left.profile_id)
    wish = Wish(nonces=(new_nonce(),), workflow="x")
    await store.broker.turn(replace(worker.life, profile=left.profile_id), left, wish)
    await store.upkeep.close_profiles(unused_ms=600_000)
    assert left.profile_id in look().fields("profiles")
    await submit(store, workflow_id="x")
    assert len(await worker.tokens()) == 1
