"""Which finished jobs go, and which are kept: times, the two caps with the floor between them, and room for others."""

import pytest

from emp_core.errors import EmpError
from emp_core.store import Retention, Store
from emp_core.store.memory import read_memory
from tests.support.builders import make_request, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import age

MINUTE = 60_000


async def ended(store: Store, minutes_ago: float, how: str = "cancelled") -> str:
    """A job that ended so long ago."""
    job = await submit(store, priority=100)
    if how == "cancelled":
        await store.broker.cancel(job)
    else:
        worker = await register(store)
        claim = await worker.take()
        await (worker.complete(claim) if how == "completed" else worker.fail(claim, retryable=False))
    await age(store, f"jobs:{how}", job, round(minutes_ago * MINUTE))
    return job


async def test_jobs_over_the_cap_go_oldest_first_whatever_their_state(store: Store, look: Look) -> None:
    old_failure = await ended(store, 300, "failed")
    older_success = await ended(store, 400, "completed")
    oldest = await ended(store, 500, "cancelled")
    young = await ended(store, 20, "completed")
    assert await store.upkeep.retain(Retention(at_most=3)) == [oldest]
    assert await store.upkeep.retain(Retention(at_most=1)) == [older_success, old_failure]
    assert set(look().ids("job:{job}")) == {young}


async def test_jobs_younger_than_the_floor_stay_over_the_cap(store: Store, look: Look) -> None:
    old = await ended(store, 16)
    young = [await ended(store, minutes) for minutes in (14, 1, 0)]
    assert await store.upkeep.retain(Retention(at_most=1)) == [old]
    assert await store.upkeep.retain(Retention(at_most=1)) == []
    assert set(look().ids("job:{job}")) == set(young)


async def test_beyond_ten_times_the_cap_young_jobs_go_too(store: Store) -> None:
    jobs = [await ended(store, 12 - place) for place in range(12)]
    assert await store.upkeep.retain(Retention(at_most=1)) == jobs[:2]
    assert await store.upkeep.retain(Retention(at_most=1)) == []
    assert await store.upkeep.retain(Retention(at_most=0)) == jobs[2:], "no finished job is wanted at all"


async def test_jobs_past_their_time_do_not_count_towards_the_cap(store: Store) -> None:
    """They are not the oldest: failed jobs are kept for longer."""
    failed = [await ended(store, 3 * 24 * 60, "failed") for _ in range(2)]
    completed = [await ended(store, 25 * 60, "completed") for _ in range(2)]
    assert set(await store.upkeep.retain(Retention(at_most=2))) == set(completed)
    assert await store.upkeep.retain(Retention(at_most=2)) == []
    assert await store.upkeep.retain(Retention(at_most=1)) == failed[:1]


async def test_room_is_made_by_completed_then_cancelled_then_failed_jobs(store: Store, look: Look) -> None:
    failed = [await ended(store, minutes, "failed") for minutes in (900, 800)]
    cancelled = [await ended(store, minutes) for minutes in (700, 600)]
    completed = [await ended(store, minutes, "completed") for minutes in (500, 400)]
    young = [await ended(store, 14, how) for how in ("completed", "failed", "cancelled")]
    removed: list[str] = []
    while some := await store.upkeep.make_room(Retention(), batch=1):
        removed += some
    assert removed == [*completed, *cancelled, *failed]
    assert set(look().ids("job:{job}")) == set(young)


async def test_many_jobs_are_deleted_fifty_a_call(store: Store) -> None:
    answers = await store.broker.submit_many([make_request() for _ in range(250)])
    jobs = [answer.id for answer in answers if not isinstance(answer, EmpError)]
    for job in jobs:
        await store.broker.cancel(job)
    before = (await store.link.info("commandstats"))["cmdstat_fcall"]["calls"]
    assert await store.upkeep.delete(jobs) == jobs
    assert (await store.link.info("commandstats"))["cmdstat_fcall"]["calls"] - before == 5


@pytest.mark.parametrize(("limit", "crowded"), [(0, False), (10, False), (1.1, True)])
async def test_memory_says_what_fills_redis(store: Store, limit: float, crowded: bool) -> None:
    waiting = await submit(store)
    await submit(store, depends_on=[waiting])
    await submit(store, run_at=4_000_000_000_000)
    await ended(store, 14)
    await ended(store, 16, "failed")
    used = int((await store.link.info("memory"))["used_memory"])
    await store.link.call("CONFIG SET", "maxmemory", round(limit * used))
    try:
        memory = await read_memory(store.link)
        seen = (await store.inspector.summary()).memory
    finally:
        await store.link.call("CONFIG SET", "maxmemory", 0)
    assert (memory.waiting, memory.recent, memory.older) == (3, 1, 1)
    assert memory.is_crowded is crowded
    assert seen is not None
    assert seen.is_crowded is crowded
    assert (memory.excess > 0) is crowded
