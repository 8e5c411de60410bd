"""unhold_job: T20."""

import pytest

from emp_core.errors import Conflict, NotFound
from emp_core.store import Store
from tests.support.builders import register, seen_by, submit
from tests.support.snapshot import Look

SOON = 4_000_000_000_000


async def test_t20_it_goes_back_to_its_old_place(store: Store, look: Look) -> None:
    worker = await register(store)
    first, second = await submit(store), await submit(store)
    place = look().job(first)["score"]
    await store.broker.hold(first)
    await store.broker.unhold(first)
    assert look().job(first)["score"] == place
    assert await worker.drain() == [first, second]


async def test_t20_the_queue_time_goes_on_where_it_stopped(store: Store, look: Look) -> None:
    job = await submit(store, queue_ttl_seconds=1_000)
    await store.broker.hold(job)
    await store.link.call("HSET", store.link.key(f"job:{job}"), "ttl_left", 5_000)
    before = await store.inspector.now_ms()
    await store.broker.unhold(job)
    after = await store.inspector.now_ms()
    assert before <= look().scores("expiry")[job] - 5_000 <= after


async def test_t20_a_deadline_that_is_nearer_wins(store: Store, look: Look) -> None:
    deadline = await store.inspector.now_ms() + 50_000
    job = await submit(store, deadline=deadline)
    await store.broker.hold(job)
    await store.broker.unhold(job)
    assert look().scores("expiry") == {job: deadline}


async def test_t20_a_job_that_is_not_due_waits_on(store: Store, look: Look) -> None:
    job = await submit(store, run_at=SOON)
    await store.broker.hold(job)
    await store.broker.unhold(job)
    assert look().scores("delayed") == {job: SOON}
    assert look().scores("held") == {}


async def test_t20_it_wakes_a_worker(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await store.broker.hold(job)
    assert await worker.claim() is None
    await store.broker.unhold(job)
    assert len(await worker.tokens()) == 1


async def test_t20_after_its_first_start_no_queue_time_runs(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.release(await worker.take())
    await store.broker.hold(job)
    await store.broker.unhold(job)
    assert look().scores("expiry") == {}


async def test_t20_only_what_is_held(store: Store) -> None:
    job = await submit(store, customer_id="acme")
    with pytest.raises(Conflict, match="pending"):
        await store.broker.unhold(job)
    await store.broker.hold(job)
    with pytest.raises(NotFound):
        await seen_by(store, "other").broker.unhold(job)


async def test_t20_r27_a_call_that_comes_again_does_nothing(store: Store, look: Look) -> None:
    job = await submit(store)
    await store.broker.hold(job)
    assert await store.link.run("unhold_job", id=job, customer="", nonce="n1", by="", reason="") == b"ok"
    assert await store.link.run("unhold_job", id=job, customer="", nonce="n1", by="", reason="") == b"ok"
    assert look().event_names(job).count("unheld") == 1
    await store.broker.hold(job)
    assert await store.link.run("unhold_job", id=job, customer="", nonce="n1", by="", reason="") == b"ok"
    assert "held" in look().job(job), "an order that was given before this hold"
