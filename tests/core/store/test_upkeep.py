"""Upkeep: the chores as single calls."""

from collections.abc import Sequence
from typing import Any

import pytest

from emp_core.domain.states import JobState
from emp_core.errors import EmpError
from emp_core.store import Link, Retention, Store
from tests.support.builders import make_request, register, submit
from tests.support.redis_server import Server
from tests.support.snapshot import Look
from tests.support.time_travel import age

HOUR = 3_600_000
DAY = 24 * HOUR


async def _ended(store: Store, count: int, *, how: str = "cancelled") -> list[str]:
    answers = await store.broker.submit_many([make_request() for _ in range(count)])
    jobs = [answer.id for answer in answers if not isinstance(answer, EmpError)]
    worker = await register(store)
    for job in jobs:
        if how == "cancelled":
            await store.broker.cancel(job)
        elif how == "completed":
            await worker.complete(await worker.take())
        else:
            await worker.fail(await worker.take(), retryable=False)
    return jobs


@pytest.mark.parametrize(("state", "kept_ms"), [("completed", DAY), ("failed", 7 * DAY), ("cancelled", 7 * DAY)])
async def test_t16_each_state_has_its_time(store: Store, look: Look, state: str, kept_ms: int) -> None:
    old, young = await _ended(store, 2, how=state)
    await age(store, f"jobs:{state}", old, kept_ms + 1)
    await age(store, f"jobs:{state}", young, kept_ms - 60_000)
    assert await store.upkeep.retain(Retention()) == [old]
    assert set(look().ids("job:{job}")) == {young}


async def test_t16_what_is_kept_after_all_is_not_among_the_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever retries a job has it, and its files, though it was picked to be forgotten."""
    retried, *others = await _ended(store, 3)
    run = Link.run

    async def retry_first(link: Link, name: str, *records: Any, **arguments: Any) -> Any:
        if name == "delete_jobs":
            await store.broker.retry(retried)
        return await run(link, name, *records, **arguments)

    monkeypatch.setattr(Link, "run", retry_first)
    assert sorted(await store.upkeep.retain(Retention(at_most=0))) == sorted(others)
    assert (await store.inspector.job(retried)).state is JobState.PENDING


async def test_t16_a_batch_bounds_a_call(store: Store) -> None:
    jobs = await _ended(store, 7)
    for job in jobs:
        await age(store, "jobs:cancelled", job, 8 * DAY)
    counts = [len(await store.upkeep.retain(Retention(), batch=3)) for _ in range(4)]
    assert counts == [3, 3, 1, 0]


@pytest.mark.damages
async def test_r46_what_is_damaged_does_not_stop_retention(store: Store, look: Look) -> None:
    jobs = await _ended(store, 5)
    for job in jobs:
        await age(store, "jobs:cancelled", job, 8 * DAY)
    await store.link.call("DEL", *(store.link.key(f"job:{job}") for job in jobs[:3]))
    for _ in range(3):
        await store.upkeep.retain(Retention(), batch=2)
    assert look().scores("jobs:cancelled") == {}
    assert list(look().ids("job:{job}")) == []


async def test_a_young_queue_keeps_all(store: Store) -> None:
    await _ended(store, 2)
    assert await store.upkeep.retain(Retention()) == []


async def test_each_call_on_an_empty_queue_does_nothing(store: Store) -> None:
    assert await store.upkeep.reap(30_000) == (0, None)
    assert await store.upkeep.resolve_children() == 0
    assert await store.upkeep.review_fleet() is False
    assert await store.upkeep.judge_waiting() == 0
    assert await store.upkeep.retain(Retention()) == []
    assert await store.upkeep.drop_classes() == 0
    assert await store.upkeep.close_profiles() == 0
    assert await store.upkeep.forget_workers() == 0
    assert await store.upkeep.trim_events(HOUR) == 0
    assert await store.upkeep.repair_quarantine() == {}
    assert await store.upkeep.patrol() == {}


async def test_a_patrol_walks_all_lists_a_page_a_call(store: Store, look: Look) -> None:
    jobs = await _submit_delayed(store, 25)
    await store.link.call("DEL", store.link.key(f"job:{jobs[-1]}"))
    await store.link.call("DEL", store.link.key(f"job.payload:{jobs[-1]}"))
    found: list[str] = []
    for _ in range(20):
        found += await store.upkeep.patrol(batch=10)
    assert found == [jobs[-1]]
    assert jobs[-1] not in look().scores("delayed")
    assert set(look().scores(f"class.jobs:{look().job(jobs[0])['class']}")) == set(jobs[:-1])
    await store.link.call("HINCRBY", store.link.key(f"class:{look().job(jobs[0])['class']}"), "jobs", -1)


async def _submit_delayed(store: Store, count: int) -> Sequence[str]:
    soon = await store.inspector.now_ms() + HOUR
    return [await submit(store, run_at=soon + n) for n in range(count)]


async def test_the_share_of_memory(store: Store, server: Server) -> None:
    assert await store.upkeep.memory_share() == 0
    server.client.config_set("maxmemory", "1gb")
    try:
        assert 0 < await store.upkeep.memory_share() < 0.5
    finally:
        server.client.config_set("maxmemory", "0")
