"""take_turn: a returned job prefers another worker: for a minute, while there is one, and 256 of them at most."""

import pytest

from emp_core.domain.policy import POLICY
from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.support.builders import WorkerDriver, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_avoiding, end_lease, end_worker, fall_due, reap


async def _returned(store: Store, worker: WorkerDriver, **changes: object) -> str:
    """A job that the worker gave back."""
    job = await submit(store, **changes)
    claim = await worker.take()
    assert claim.job_id == job
    await worker.release(claim)
    return job


async def test_t3_r10_another_worker_takes_it(store: Store, look: Look) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    job = await _returned(store, one)
    assert look().scores("avoided").keys() == {job}
    assert look().scores("heads") == {}
    assert await one.claim() is None
    assert (await two.take()).job_id == job
    assert look().scores("avoided.until") == {}


async def test_t3_r10_after_a_minute_anybody_takes_it(store: Store, look: Look) -> None:
    one, _ = await register(store), await register(store, "gpu2:0")
    before = await store.inspector.now_ms()
    job = await _returned(store, one)
    after = await store.inspector.now_ms()
    assert before <= look().scores("avoided.until")[job] - POLICY.avoid_ms <= after
    await end_avoiding(store, job)
    await reap(store)
    assert (await one.take()).job_id == job


async def test_t3_without_another_that_fits_it_waits_for_nobody(store: Store, look: Look) -> None:
    one, _ = await register(store), await register(store, "gpu2:0", gpu_memory_gb=4)
    job = await _returned(store, one, requirements={"gpu_memory_gb": 8})
    assert look().scores("avoided") == {}
    assert (await one.take()).job_id == job


async def test_t3_all_that_fit_having_failed_it_waits_for_nobody(store: Store, look: Look) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    job = await _returned(store, one)
    await two.release(await two.take())
    assert look().job(job)["avoid"].split() == [two.id, one.id]
    assert look().scores("avoided") == {}
    assert (await one.take()).job_id == job


@pytest.mark.parametrize("how", ["lost", "stopped"])
async def test_t3_when_the_other_goes_the_preference_ends(store: Store, look: Look, how: str) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    job = await _returned(store, one)
    assert await one.claim() is None
    if how == "lost":
        await end_worker(store, two.id)
        await reap(store)
    else:
        await store.registry.steer(two.id, WorkerState.STOPPED)
    assert look().scores("avoided") == {}
    assert len(await one.tokens()) == 1
    assert (await one.take()).job_id == job


async def test_t3_at_most_three_are_avoided_the_last_ones(store: Store, look: Look) -> None:
    workers = [await register(store, f"gpu{n}:0") for n in range(6)]
    job = await submit(store)
    for worker in workers[:5]:
        await worker.release(await worker.take())
    assert look().job(job)["avoid"].split() == [worker.id for worker in workers[4:1:-1]]


async def test_t3_beyond_the_cap_they_go_straight_to_their_class(store: Store, look: Look) -> None:
    one, _ = await register(store), await register(store, "gpu2:0")
    filler = {f"filler-{n}": 1 for n in range(POLICY.avoided_cap)}
    key = store.link.key("avoided")
    await store.link.call("ZADD", key, *(item for name, score in filler.items() for item in (score, name)))
    job = await _returned(store, one)
    assert job not in look().scores("avoided")
    assert (await one.take()).job_id == job
    await store.link.call("ZREM", key, *filler)


async def test_its_place_counts_against_the_heads(store: Store) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    returned = await _returned(store, one)
    later = await submit(store)
    urgent = await submit(store, priority=90)
    assert await two.drain() == [urgent, returned, later]


async def test_a_job_that_backs_off_avoids_once_it_is_due(store: Store, look: Look) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    job = await submit(store)
    await one.fail(await one.take())
    await fall_due(store, job)
    await reap(store)
    assert look().scores("avoided").keys() == {job}
    assert (await two.take()).job_id == job


async def test_a_lost_job_avoids_its_worker_until_it_comes_back_for_it(store: Store, look: Look) -> None:
    one, _ = await register(store), await register(store, "gpu2:0")
    job = await submit(store)
    claim = await one.take()
    await end_lease(store, job)
    await reap(store)
    assert look().scores("avoided").keys() == {job}
    assert await one.beat(claim) == ["ok"]
    assert look().scores("avoided") == {}
    assert await one.complete(claim) == "ok"


async def test_a_cancel_finds_it_there(store: Store, look: Look) -> None:
    one, _ = await register(store), await register(store, "gpu2:0")
    job = await _returned(store, one)
    assert await store.broker.cancel(job) == "cancelled"
    assert look().scores("avoided") == {}


async def test_a_change_of_priority_does_not_begin_the_minute_anew(store: Store, look: Look) -> None:
    one, _ = await register(store), await register(store, "gpu2:0")
    job = await _returned(store, one)
    before = look().scores("avoided.until")
    await store.broker.set_priority([job], 80)
    assert look().scores("avoided.until") == before
    assert look().scores("avoided")[job] == float(look().job(job)["score"])
    await end_avoiding(store, job)
    await reap(store)
    await store.broker.set_priority([job], 70)
    assert look().scores("avoided") == {}
    assert (await one.take()).job_id == job


async def test_a_worker_whose_profile_nobody_judged_gets_it_too(store: Store) -> None:
    one, _ = await register(store), await register(store, "gpu2:0")
    job = await _returned(store, one)
    late = await register(store, "gpu3:0", gpu_memory_gb=48, judge=False)
    assert (await late.take()).job_id == job


async def test_a_worker_at_its_customers_takes_theirs_only(store: Store) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    other = await _returned(store, one, customer_id="other")
    job = await _returned(store, one, customer_id="acme")
    assert (await two.take(customers=("acme",))).job_id == job
    assert await two.claim(customers=("acme",)) is None
    assert (await two.take()).job_id == other


async def test_a_worker_reserved_for_the_workflow_respects_it(store: Store) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    job = await _returned(store, one, workflow_id="w")
    assert await one.claim(workflow="w") is None
    assert (await two.take(workflow="w")).job_id == job
