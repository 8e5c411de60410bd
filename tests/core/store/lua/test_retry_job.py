"""retry_job: T14."""

import pytest

from emp_core.domain.ordering import parts
from emp_core.errors import Conflict, NotFound
from emp_core.store import Store
from tests.support.builders import register, seen_by, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_lease, expire, reap


async def test_t14_r40_a_new_generation_begins_at_zero(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, priority=70)
    await worker.fail(await worker.take(), retryable=False)
    await store.broker.retry(job)
    found = look().job(job)
    assert (found["state"], found["gen"]) == ("pending", "1")
    assert [found[name] for name in ("failures", "losses", "releases", "attempt")] == ["0", "0", "0", "1"]
    assert not {"code", "ended", "began", "avoid", "nonce"} & found.keys()
    assert f"job.result:{job}" not in look().entries
    claim = await worker.take()
    assert (claim.attempt, claim.gen) == (2, 1)


async def test_t14_its_place_is_now_in_its_priority(store: Store, look: Look) -> None:
    first, second = await submit(store, priority=70), await submit(store, priority=70)
    await store.broker.cancel(first)
    await store.broker.retry(first)
    places = [parts(int(look().job(name)["score"])) for name in (first, second)]
    assert places[0][0] == places[1][0] == 70
    assert places[0][1] > places[1][1]


async def test_t14_its_queue_time_begins_anew(store: Store, look: Look) -> None:
    job = await submit(store, queue_ttl_seconds=100)
    await expire(store, job)
    await reap(store)
    before = await store.inspector.now_ms()
    await store.broker.retry(job)
    after = await store.inspector.now_ms()
    assert before <= look().scores("expiry")[job] - 100_000 <= after


async def test_t14_a_deadline_that_has_passed_does_not_end_it_again(store: Store, look: Look) -> None:
    job = await submit(store, deadline=await store.inspector.now_ms() + 100_000)
    await expire(store, job)
    await reap(store)
    await store.broker.retry(job)
    assert await (await register(store)).drain() == [job]


async def test_t14_a_claim_of_the_old_generation_is_stale(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_lease(store, job)
    await reap(store)
    await store.broker.cancel(job)
    await store.broker.retry(job)
    assert await worker.complete(claim) == "stale"
    assert await worker.beat(claim) == ["lost:released"]
    assert look().job(job)["state"] == "pending"


async def test_t14_a_job_that_failed_with_its_parent_runs_without_it(store: Store, look: Look) -> None:
    parents = [await submit(store), await submit(store)]
    child = await submit(store, depends_on=parents)
    await store.broker.cancel(parents[0])
    await store.broker.retry(child)
    assert await (await register(store)).drain() == [parents[1], child]


async def test_t14_a_job_that_was_held_is_not_any_more(store: Store, look: Look) -> None:
    job = await submit(store)
    await store.broker.hold(job)
    await store.broker.cancel(job)
    await store.broker.retry(job)
    assert "held" not in look().job(job)


async def test_t14_only_what_failed_or_was_cancelled(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    with pytest.raises(Conflict, match="pending"):
        await store.broker.retry(job)
    await worker.complete(await worker.take())
    with pytest.raises(Conflict, match="completed"):
        await store.broker.retry(job)


async def test_i13_a_customer_retries_only_its_own(store: Store) -> None:
    job = await submit(store, customer_id="acme")
    await store.broker.cancel(job)
    with pytest.raises(NotFound):
        await seen_by(store, "other").broker.retry(job)
    await seen_by(store, "acme").broker.retry(job)


async def test_t14_r27_a_call_that_comes_again_starts_no_other_generation(store: Store, look: Look) -> None:
    job = await submit(store)
    await store.broker.cancel(job)
    assert await store.link.run("retry_job", id=job, customer="", nonce="n1", by="", reason="") == b"ok"
    assert await store.link.run("retry_job", id=job, customer="", nonce="n1", by="", reason="") == b"ok"
    await store.broker.cancel(job)
    assert await store.link.run("retry_job", id=job, customer="", nonce="n1", by="", reason="") == b"ok"
    assert (look().job(job)["gen"], look().job(job)["state"]) == ("1", "cancelled")
    await store.broker.retry(job)
    assert look().job(job)["gen"] == "2"
