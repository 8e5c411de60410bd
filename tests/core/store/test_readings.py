"""What the doctor reads, on every engine: complete, and without a change to the queue."""

from collections.abc import Mapping

import pytest

from emp_core.clock import SystemClock
from emp_core.store import Store
from emp_core.store.readings import PINGS, Contents, Readings, read_state
from emp_core.store.server import SCHEMA
from tests.support.builders import register, submit
from tests.support.snapshot import Entry, Look
from tests.support.time_travel import end_lease, fall_due


async def read(store: Store) -> Readings:
    return await read_state(store.link, SystemClock())


async def contents(store: Store) -> Contents:
    found = (await read(store)).contents
    assert found is not None
    return found


async def test_reading_an_empty_queue_finds_nothing_wrong(store: Store) -> None:
    found = await read(store)
    assert (found.schema, len(found.pings_ms) <= PINGS) == (SCHEMA, True)
    assert "redis_version" in found.info
    inside = await contents(store)
    assert (inside.workers, inside.lost, inside.orphans, inside.quarantined) == ([], [], [], 0)
    assert (inside.unworkable_jobs, inside.indexing, inside.weights) == (0, False, {})
    assert set(inside.overdue.values()) == {0}


async def test_reading_counts_jobs_and_weighs_a_sample_of_each_kind(store: Store) -> None:
    worker = await register(store)
    waiting = [await submit(store, payload={"text": "x" * 5_000}, priority=10) for _ in range(3)]
    done, running = await submit(store), await submit(store)
    await worker.complete(await worker.take())
    await worker.take()
    found = await contents(store)
    assert {kind: weight.jobs for kind, weight in found.weights.items()} == {"pending": 3, "active": 1, "completed": 1}
    assert found.weights["pending"].largest in waiting
    assert found.weights["pending"].mean > 5_000
    assert {found.weights["completed"].largest, found.weights["active"].largest} == {done, running}
    assert [each.id for each in found.workers] == ["gpu1:0"]
    assert found.orphans == []


async def test_reading_changes_nothing(store: Store, look: Look) -> None:
    await register(store)
    await submit(store)
    before = look().entries
    await read(store)
    assert {**look().entries, **_lifetimes(before)} == before


def _lifetimes(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Those that expire: less of their time is left."""
    return {name: entry for name, entry in entries.items() if entry.ttl_ms >= 0}


async def test_a_job_that_no_worker_can_run_is_counted(store: Store) -> None:
    await register(store)
    for _ in range(2):
        await submit(store, requirements={"gpu_memory_gb": 500})
    found = await contents(store)
    assert (found.unworkable_classes, found.unworkable_jobs) == (1, 2)


async def test_what_nobody_attends_to_is_counted(store: Store) -> None:
    worker = await register(store)
    job, later = await submit(store), await submit(store, run_at=4_000_000_000_000)
    await worker.take()
    await end_lease(store, job, 60_000)
    await fall_due(store, later, 60_000)
    found = await contents(store)
    assert (found.overdue["leases that ended"], found.overdue["delayed jobs that are due"]) == (1, 1)
    assert found.orphans == []


async def test_a_lease_of_a_job_that_does_not_run_is_an_orphan(store: Store) -> None:
    job = await submit(store)
    await store.link.call("ZADD", store.link.key("leases"), 4_000_000_000_000, job)
    found = await contents(store)
    assert found.orphans == [job]
    await store.link.call("ZREM", store.link.key("leases"), job)


@pytest.mark.damages
async def test_a_key_of_another_type_is_named_and_the_contents_are_not_read(store: Store) -> None:
    await store.link.call("SET", store.link.key("quarantine"), "x" * 10)
    found = await read(store)
    assert [each.key.name for each in found.sizes if each.damaged] == ["quarantine"]
    assert found.contents is None


@pytest.mark.damages
async def test_contents_of_another_version_are_not_read(store: Store) -> None:
    await store.link.call("SET", store.link.key("schema"), "99")
    found = await read(store)
    assert (found.schema, found.contents) == ("99", None)


async def test_a_clock_is_measured_when_a_worker_registers(store: Store) -> None:
    now = await store.inspector.now_ms()
    await register(store, info={"clock": now + 60_000})
    (worker,) = (await contents(store)).workers
    assert worker.clock_ahead_ms is not None
    assert 30_000 < worker.clock_ahead_ms <= 60_000


async def test_worker_that_tells_no_time_has_no_clock(store: Store) -> None:
    for clock in ("noon", None, [1]):
        await register(store, info={"clock": clock})
        (worker,) = (await contents(store)).workers
        assert worker.clock_ahead_ms is None
