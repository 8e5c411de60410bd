"""What is counted minute by minute. That each transition counts once is an invariant (`tests.support.invariants`)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from emp_core.domain.trend import KEPT_MS, MINUTE_MS, MINUTES_AT_MOST, WAIT_BOUNDS_MS, Span, wait_counter
from emp_core.errors import InvalidInput
from emp_core.store import Link, Store, mismatched, open_store
from tests.support.builders import make_request, register, submit
from tests.support.changed_library import ask
from tests.support.redis_server import Server
from tests.support.snapshot import Look
from tests.support.time_travel import end_attempt, end_lease, expire, fall_due, reap


async def counted(store: Store) -> Span:
    """All of the last minutes."""
    found = (await store.inspector.trend(10)).last(10)
    assert found is not None
    return found


async def waited(store: Store, job: str, ms: int) -> None:
    """It could run so long ago."""
    key = store.link.key(f"job:{job}")
    created, ttl_at = (await store.link.call("HGET", key, "times")).split()
    await store.link.call("HSET", key, "times", f"{int(created)} {int(ttl_at) - ms}")


async def test_nothing_is_known_before_anything_was_counted(store: Store) -> None:
    found = await store.inspector.trend(60)
    assert (found.since, list(found.minutes), found.last(5)) == (None, [], None)


async def test_life_of_a_job_counts_as_submitted_started_and_completed(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await waited(store, job, 5_000)
    await worker.complete(await worker.take())
    found = await counted(store)
    assert (found.submitted, found.started, found.completed, found.ended) == (1, 1, 1, 1)
    wait = found.wait(0.5)
    assert wait is not None
    assert 2.5 < wait < 10


async def test_counting_began_with_the_first_transition(store: Store) -> None:
    before = await store.inspector.now_ms()
    await submit(store)
    found = await store.inspector.trend(MINUTES_AT_MOST)
    assert found.since is not None
    assert before <= found.since <= found.at
    assert found.minutes[0].at == found.since // MINUTE_MS * MINUTE_MS
    assert sum(span.seconds for span in found.minutes) == pytest.approx((found.at - found.since) / 1000)


async def test_submit_that_is_repeated_or_refused_counts_once_or_not(store: Store) -> None:
    requests = [make_request(id="one"), make_request(id="two"), make_request(id="one")]
    for _ in range(2):
        await store.broker.submit_many(requests)
    await store.broker.submit_many([make_request(depends_on=["nobody"])])
    assert (await counted(store)).submitted == 2


async def _expired(store: Store) -> None:
    await expire(store, await submit(store))
    await reap(store)


async def _failed(store: Store) -> None:
    worker = await register(store)
    await submit(store)
    await worker.fail(await worker.take(), retryable=False)


async def _timed_out(store: Store) -> None:
    worker = await register(store)
    job = await submit(store, max_failures=1)
    await worker.take()
    await end_attempt(store, job)
    await reap(store)


async def _lost(store: Store) -> None:
    worker = await register(store)
    job = await submit(store, on_lost="fail")
    await worker.take()
    await end_lease(store, job)
    await reap(store)


async def _depends(store: Store) -> None:
    parent = await submit(store)
    await submit(store, depends_on=[parent])
    await store.broker.cancel(parent)


FAILURES: dict[str, Callable[[Store], Awaitable[None]]] = {
    "expired": _expired,
    "permanent": _failed,
    "timeout": _timed_out,
    "lost": _lost,
    "dependency": _depends,
}


@pytest.mark.parametrize("code", FAILURES)
async def test_failure_counts_by_its_code(store: Store, code: str) -> None:
    await FAILURES[code](store)
    assert (await counted(store)).failures == {code: 1}


async def test_new_job_whose_parent_failed_counts_as_submitted_and_failed(store: Store) -> None:
    parent = await submit(store)
    await store.broker.cancel(parent)
    await submit(store, depends_on=[parent])
    found = await counted(store)
    assert (found.submitted, found.cancelled, found.failures) == (2, 1, {"dependency": 1})


async def test_later_start_has_no_wait_and_a_retried_job_waits_anew(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.fail(await worker.take())
    await fall_due(store, job)
    await reap(store)
    await worker.fail(await worker.take(), retryable=False)
    assert ((await counted(store)).started, sum((await counted(store)).waits)) == (2, 1)
    await store.broker.retry(job)
    await waited(store, job, 50_000)
    await worker.take()
    found = await counted(store)
    assert (found.retried, found.started, sum(found.waits)) == (1, 3, 2)
    longest = found.wait(1)
    assert longest is not None
    assert 40 < longest < 80


async def test_time_on_hold_is_no_wait(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await store.broker.hold(job)
    await waited(store, job, 3_600_000)
    await store.broker.unhold(job)
    await worker.take()
    longest = (await counted(store)).wait(1)
    assert longest is not None
    assert longest < 60


async def test_offer_that_was_not_taken_is_no_start(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await waited(store, job, 5_000)
    claim = await worker.take()
    assert await store.broker.unclaim(worker.id, claim) == "ok"
    found = await counted(store)
    assert (found.started, sum(found.waits)) == (0, 0)


async def test_job_that_the_worker_cannot_run_was_not_started(store: Store) -> None:
    refuser, other = await register(store, "gpu1:0"), await register(store, "gpu2:0")
    await submit(store)
    await refuser.settle(mismatched(await refuser.take(), "lacks the model x"))
    assert (await counted(store)).started == 0
    await other.settle(mismatched(await other.take(), "lacks the model x"))
    found = await counted(store)
    assert (found.started, found.failures) == (0, {"permanent": 1})


async def test_deleted_job_stays_counted(store: Store) -> None:
    job = await submit(store)
    await store.broker.cancel(job)
    await store.broker.delete([job])
    assert ((await counted(store)).submitted, (await counted(store)).ended) == (1, 1)


async def test_minute_is_forgotten_after_25_hours(store: Store, look: Look) -> None:
    await submit(store)
    now = await store.inspector.now_ms()
    (minute,) = look().ids("trend:{minute}")
    ends = await store.link.call("PEXPIRETIME", store.link.key(f"trend:{minute}"))
    assert ends == int(minute) * MINUTE_MS + KEPT_MS
    assert MINUTES_AT_MOST * MINUTE_MS < ends - now <= KEPT_MS


async def test_two_hubs_count_together(store: Store, server: Server) -> None:
    other = await open_store(server.url)
    try:
        requests = [make_request() for _ in range(20)]
        await asyncio.gather(*(hub.broker.submit(request) for request in requests for hub in (store, other)))
        first, second = await register(store, "gpu1:0"), await register(other, "gpu2:0")
        await asyncio.gather(first.drain(), second.drain())
        found = [await counted(hub) for hub in (store, other)]
    finally:
        await other.close()
    assert [(span.submitted, span.started, span.completed) for span in found] == [(40, 40, 40)] * 2


@pytest.mark.parametrize("minutes", [0, MINUTES_AT_MOST + 1])
async def test_more_minutes_than_are_kept_are_refused(store: Store, minutes: int) -> None:
    with pytest.raises(InvalidInput, match="must be 1 to 1500"):
        await store.inspector.trend(minutes)


async def test_wait_counter_is_the_same_in_lua(link: Link) -> None:
    for wait_ms in [-1, 0, *(bound + step for bound in WAIT_BOUNDS_MS for step in (-1, 0, 1)), 10**13]:
        found = await ask(link, "return trend.wait_counter(tonumber(args[1]))", wait_ms)
        assert found.decode() == wait_counter(wait_ms)
