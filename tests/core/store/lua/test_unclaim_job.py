"""unclaim_job: T22."""

from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_lease, reap


async def test_t22_an_offer_that_was_not_taken_leaves_no_trace_but_its_number(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, queue_ttl_seconds=100)
    before = look()
    claim = await worker.take()
    assert await store.broker.unclaim(worker.id, claim) == "ok"
    found = look()
    assert found.job(job)["state"] == "pending"
    assert found.job(job)["attempt"] == "1"
    assert [found.job(job).get(name, "0") for name in ("failures", "losses", "releases")] == ["0", "0", "0"]
    assert found.job(job)["score"] == before.job(job)["score"]
    assert "avoid" not in found.job(job)
    assert found.scores("expiry") == before.scores("expiry"), "it has not started, so its queue time runs"


async def test_t22_after_a_start_the_queue_time_does_not_come_back(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.release(await worker.take())
    await store.link.call("HSET", store.link.key(f"job:{job}"), "claim", "1 - 1 1")
    await store.broker.unclaim(worker.id, await worker.take())
    assert look().scores("expiry") == {}


async def test_t22_the_claim_is_closed(store: Store, look: Look) -> None:
    worker = await register(store)
    await submit(store)
    claim = await worker.take()
    await store.broker.unclaim(worker.id, claim)
    assert await worker.complete(claim) == "stale"
    assert await worker.beat(claim) == ["lost:released"]
    assert await store.broker.unclaim(worker.id, claim) != "ok"


async def test_t22_it_wakes_one(store: Store) -> None:
    worker, idle = await register(store), await register(store, "gpu2:0")
    await submit(store)
    claim = await worker.take()
    assert await idle.claim() is None
    await store.broker.unclaim(worker.id, claim)
    assert len(await idle.tokens()) == 1


async def test_t22_only_the_open_claim(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    assert await store.broker.unclaim("another", claim) == "stale"
    await end_lease(store, job)
    await reap(store)
    assert await store.broker.unclaim(worker.id, claim) == "stale"
    again = await worker.take()
    assert await store.broker.unclaim(worker.id, claim) == "stale"
    assert await worker.complete(again) == "ok"
