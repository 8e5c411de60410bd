"""What the overview reads each second, and what it keeps."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from emp_cli.tui.reads import BACKLOG_SECONDS, FLEET_SECONDS, LOST_MS, OverviewRead
from emp_core.client.locate import Location
from emp_core.client.redis_queue import RedisQueue, open_queue
from emp_core.store import Store
from emp_core.store.connection import DEFAULT_PREFIX
from tests.support.builders import make_request, register, submit
from tests.support.fakes import FrozenClock
from tests.support.redis_server import Server
from tests.support.round_trips import Trips, counted
from tests.support.time_travel import end_worker, reap


@pytest.fixture
async def trips(server: Server, tmp_path: Path) -> AsyncGenerator[Trips]:
    async with counted(server, tmp_path) as found:
        yield found


@pytest.fixture
async def queue(trips: Trips, store: Store) -> AsyncGenerator[RedisQueue]:
    opened = await open_queue(Location(url=trips.url, prefix=DEFAULT_PREFIX, source="the test", artifacts=None))
    yield opened
    await opened.close()


async def begun(queue: RedisQueue, clock: FrozenClock) -> OverviewRead:
    """A read after its first answer, which comes without the backlog."""
    read = OverviewRead(clock)
    await read.read(queue)
    return read


async def test_first_answer_comes_without_the_backlog_and_the_next_at_once(queue: RedisQueue, store: Store) -> None:
    await register(store)
    await store.broker.submit_many([make_request(customer_id=f"c{number}") for number in range(40)])
    await submit(store, requirements={"gpu_memory_gb": 96})
    read = OverviewRead(FrozenClock())
    first = await read.read(queue)
    assert (first.backlog, first.summary.jobs["pending"], len(first.workers), read.period) == (None, 41, 1, 0)
    second = await read.read(queue)
    assert second.backlog is not None
    assert (second.backlog.waiting[0].pending, second.backlog.never[0].pending, read.period) == (40, 1, 1)


async def test_a_screen_with_room_has_the_last_events(queue: RedisQueue, store: Store) -> None:
    jobs = [await submit(store) for _ in range(5)]
    read = OverviewRead(FrozenClock())
    assert (await read.read(queue)).events == ()
    read.events = 3
    assert [event.job for event in (await read.read(queue)).events] == jobs[-3:]


async def test_read_after_a_second_asks_nothing_for_each_worker_or_class(
    queue: RedisQueue, store: Store, trips: Trips
) -> None:
    clock = FrozenClock()
    for number in range(25):
        await register(store, f"gpu{number}:0")
    await store.broker.submit_many([make_request(customer_id=f"c{number}") for number in range(40)])
    read = await begun(queue, clock)
    first = await read.read(queue)
    clock.advance(1)
    trips.begin()
    second = await read.read(queue)
    assert trips.commands < 40
    assert second.backlog is not None
    assert (len(second.workers), second.backlog.waiting[0].pending, second.summary.jobs["pending"]) == (25, 40, 40)
    assert (second.summary.workers, second.summary.slots) == (first.summary.workers, first.summary.slots)
    counted_jobs = second.trend.last(5)
    assert counted_jobs is not None
    assert counted_jobs.submitted == 40


async def test_worker_that_came_is_seen_after_two_seconds(queue: RedisQueue, store: Store) -> None:
    clock = FrozenClock()
    read = OverviewRead(clock)
    assert (await read.read(queue)).workers == []
    await register(store)
    await submit(store)
    clock.advance(FLEET_SECONDS / 2)
    found = await read.read(queue)
    assert (list(found.workers), found.summary.slots, found.summary.jobs["pending"]) == ([], 0, 1)
    clock.advance(FLEET_SECONDS / 2)
    found = await read.read(queue)
    assert (len(found.workers), found.summary.slots) == (1, 1)


async def test_oldest_job_grows_older_between_two_looks(queue: RedisQueue, store: Store) -> None:
    clock = FrozenClock()
    read = await begun(queue, clock)
    await submit(store)
    first = (await read.read(queue)).summary
    clock.advance(1)
    second = (await read.read(queue)).summary
    assert first.oldest_pending_ms is not None
    assert second.oldest_pending_ms == first.oldest_pending_ms + second.at - first.at


async def test_oldest_job_is_looked_for_after_ten_seconds(queue: RedisQueue, store: Store) -> None:
    clock = FrozenClock()
    read = await begun(queue, clock)
    assert (await read.read(queue)).summary.oldest_pending_ms is None
    await submit(store)
    clock.advance(BACKLOG_SECONDS / 2)
    assert (await read.read(queue)).summary.oldest_pending_ms is None
    clock.advance(BACKLOG_SECONDS / 2)
    assert (await read.read(queue)).summary.oldest_pending_ms is not None


async def test_no_job_is_the_oldest_once_none_is_pending(queue: RedisQueue, store: Store) -> None:
    read = await begun(queue, FrozenClock())
    job_id = await submit(store)
    assert (await read.read(queue)).summary.oldest_pending_ms is not None
    await store.broker.cancel(job_id)
    assert (await read.read(queue)).summary.oldest_pending_ms is None


async def test_lost_worker_is_shown_for_an_hour_and_not_once_it_lives_again(queue: RedisQueue, store: Store) -> None:
    clock = FrozenClock()
    read = await begun(queue, clock)
    driver = await register(store)
    await end_worker(store, driver.id)
    await reap(store)
    found = await read.read(queue)
    assert ([worker.id for worker in found.lost], found.workers, found.summary.slots) == ([driver.id], [], 0)
    await register(store, boot="boot-2")
    clock.advance(FLEET_SECONDS)
    assert (await read.read(queue)).lost == []
    driver = await register(store, "gpu2:0")
    await end_worker(store, driver.id)
    await reap(store)
    long_ago = await store.inspector.now_ms() - LOST_MS
    await store.link.call("HSET", store.link.key(f"worker:{driver.id}"), "beat", long_ago)
    clock.advance(BACKLOG_SECONDS)
    assert (await read.read(queue)).lost == []
