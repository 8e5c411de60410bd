"""hold_job: T19."""

import pytest

from emp_core.errors import Conflict, NotFound
from emp_core.store import Store
from tests.support.builders import register, seen_by, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_lease, expire, reap


async def test_t19_a_held_job_is_not_claimed(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await store.broker.hold(job)
    assert await worker.claim() is None
    assert look().job(job)["state"] == "delayed"
    assert set(look().scores("held")) == {job}
    assert look().scores("delayed") == {}


async def test_t19_its_queue_time_stops(store: Store, look: Look) -> None:
    job = await submit(store, queue_ttl_seconds=100)
    await store.broker.hold(job)
    assert look().scores("expiry") == {}
    assert 99_000 < int(look().job(job)["ttl_left"]) <= 100_000


async def test_t19_a_deadline_does_not_stop(store: Store, look: Look) -> None:
    deadline = await store.inspector.now_ms() + 100_000
    job = await submit(store, deadline=deadline)
    await store.broker.hold(job)
    assert look().scores("expiry") == {job: deadline}
    await expire(store, job)
    await reap(store)
    assert look().job(job)["code"] == "expired"
    assert look().scores("held") == {}


async def test_t19_a_claim_kept_by_t9_is_closed(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_lease(store, job)
    await reap(store)
    await store.broker.hold(job)
    assert await worker.beat(claim) == ["lost:released"]
    assert await worker.complete(claim) == "stale"
    assert look().job(job)["state"] == "delayed"


async def test_t19_a_job_that_backs_off_can_be_held(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.fail(await worker.take())
    await store.broker.hold(job)
    assert look().scores("delayed") == {}
    assert set(look().scores("held")) == {job}


async def test_t19_twice_is_once(store: Store, look: Look) -> None:
    job = await submit(store)
    await store.broker.hold(job)
    before = look().job(job)
    await store.broker.hold(job)
    assert look().job(job) == before


async def test_t19_what_runs_or_has_ended_cannot_be_held(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    with pytest.raises(Conflict, match="active"):
        await store.broker.hold(job)
    await worker.complete(claim)
    with pytest.raises(Conflict, match="completed"):
        await store.broker.hold(job)


async def test_t19_a_blocked_job_cannot_be_held(store: Store) -> None:
    child = await submit(store, depends_on=[await submit(store)])
    with pytest.raises(Conflict, match="blocked"):
        await store.broker.hold(child)


async def test_i13_a_customer_holds_only_its_own(store: Store) -> None:
    job = await submit(store, customer_id="acme")
    with pytest.raises(NotFound):
        await seen_by(store, "other").broker.hold(job)
    await seen_by(store, "acme").broker.hold(job)
