"""cancel_job: T12, and what it leaves for T13."""

import pytest

from emp_core.domain.policy import POLICY
from emp_core.errors import NotFound
from emp_core.store import Store
from tests.support.builders import register, seen_by, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_lease, reap

SOON = 4_000_000_000_000


async def test_t12_a_pending_job_is_cancelled_at_once(store: Store, look: Look) -> None:
    job = await submit(store)
    assert await store.broker.cancel(job) == "cancelled"
    assert look().job(job)["state"] == "cancelled"
    assert look().scores("heads") == {}


async def test_t12_a_delayed_job_is_cancelled_at_once(store: Store, look: Look) -> None:
    job = await submit(store, run_at=SOON)
    assert await store.broker.cancel(job) == "cancelled"
    assert look().scores("delayed") == {}


async def test_t12_a_held_job_is_cancelled_at_once(store: Store, look: Look) -> None:
    job = await submit(store)
    await store.broker.hold(job)
    assert await store.broker.cancel(job) == "cancelled"
    assert "held" not in look().job(job)


async def test_t12_a_blocked_job_is_cancelled_at_once_and_its_parents_do_not_mind(store: Store, look: Look) -> None:
    parent = await submit(store)
    child = await submit(store, depends_on=[parent])
    grandchild = await submit(store, depends_on=[child])
    assert await store.broker.cancel(child) == "cancelled"
    assert look().job(grandchild)["code"] == "dependency"
    worker = await register(store)
    assert await worker.complete(await worker.take()) == "ok"
    assert look().job(child)["state"] == "cancelled"


async def test_t12_an_active_job_gets_its_grace(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    before = await store.inspector.now_ms()
    assert await store.broker.cancel(job) == "cancelling"
    after = await store.inspector.now_ms()
    assert before <= look().scores("leases")[job] - POLICY.cancel_grace_ms <= after
    assert look().scores("timeouts") == {}
    assert await worker.tokens() == [f"cancel {job} {worker.id}"]


async def test_t12_the_grace_never_outlasts_the_lease(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    await end_lease(store, job, -5_000)
    before = look().scores("leases")
    await store.broker.cancel(job)
    assert look().scores("leases") == before


async def test_t12_cancel_again_does_not_prolong_the_grace(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    await store.broker.cancel(job)
    before = look().scores("leases")
    assert await store.broker.cancel(job) == "cancelling"
    assert look().scores("leases") == before


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
async def test_i2_a_terminal_job_stays_as_it_is(store: Store, look: Look, end: str) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    if end == "completed":
        await worker.complete(claim)
    elif end == "failed":
        await worker.fail(claim, retryable=False)
    else:
        await store.broker.cancel(job)
        await worker.stop(claim)
    before = look().job(job)
    assert await store.broker.cancel(job) == end
    assert look().job(job) == before


async def test_t12_a_lost_job_is_cancelled_and_its_last_claimant_is_told(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_lease(store, job)
    await reap(store)
    assert await store.broker.cancel(job) == "cancelled"
    assert await worker.beat(claim) == ["cancel"]
    assert await worker.complete(claim, late=True) == "stale"
    assert f"job.result:{job}" not in look().entries


async def test_i13_a_customer_cancels_only_its_own(store: Store, look: Look) -> None:
    job = await submit(store, customer_id="acme")
    plain = await submit(store)
    for name in (job, plain):
        with pytest.raises(NotFound):
            await seen_by(store, "other").broker.cancel(name)
    assert await seen_by(store, "acme").broker.cancel(job) == "cancelled"


async def test_t12_a_worker_cancels_only_what_it_holds(store: Store, look: Look) -> None:
    one, other = await register(store, "one"), await register(store, "other")
    job = await submit(store)
    claim = await one.take()
    assert await store.broker.cancel(job, worker=other.id) == "stale"
    assert await store.broker.cancel(job, worker=one.id) == "cancelling"
    await one.stop(claim)

    again = await submit(store)
    await one.release(await one.take())
    assert await store.broker.cancel(again, worker=one.id) == "stale"
    assert look().job(again)["state"] == "pending"


async def test_cancel_of_nothing_says_so(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.broker.cancel("nobody")
