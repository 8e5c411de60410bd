"""How often a read goes to Redis and back: over a link of 100 ms each trip takes 0.1 s."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from emp_core.client.async_emp import AsyncEmp
from emp_core.client.locate import Location
from emp_core.client.redis_queue import RedisQueue, open_queue
from emp_core.domain.filter import parse
from emp_core.store import Store
from emp_core.store.connection import DEFAULT_PREFIX
from tests.support.builders import make_request, register
from tests.support.redis_server import Server
from tests.support.round_trips import Trips, counted

LIMIT = 50


@pytest.fixture
async def trips(server: Server, tmp_path: Path) -> AsyncGenerator[Trips]:
    async with counted(server, tmp_path) as found:
        yield found


@pytest.fixture
async def far(trips: Trips, filled: Store) -> AsyncGenerator[RedisQueue]:
    """A queue that is read through the proxy."""
    queue = await open_queue(_place(trips))
    yield queue
    await queue.close()


@pytest.fixture
async def filled(store: Store) -> Store:
    """Running and ended jobs, and many waiting ones of many classes, most of them in two."""
    workers = [await register(store, f"gpu1:{number}") for number in range(4)]
    await store.broker.submit_many([make_request(customer_id=f"c{number % 20}") for number in range(60)])
    await store.broker.submit_many([make_request(customer_id=f"c{number % 2}", priority=60) for number in range(60)])
    await workers[0].complete(await workers[0].take())
    await workers[1].fail(await workers[1].take(), retryable=False)
    for worker in workers:
        await worker.take()
    return store


def _place(trips: Trips) -> Location:
    return Location(url=trips.url, prefix=DEFAULT_PREFIX, source="the test", artifacts=None)


async def test_connecting_takes_two_trips(trips: Trips, filled: Store) -> None:
    queue = await open_queue(_place(trips))
    assert trips.trips == 2
    await queue.close()


@pytest.mark.parametrize("text", ["", "status:pending", "status:active", "status:completed,failed", "status:held"])
async def test_first_page_of_jobs_takes_four_trips_at_most(far: RedisQueue, trips: Trips, text: str) -> None:
    trips.begin()
    page = await far.jobs(parse(text), limit=LIMIT)
    assert trips.trips <= 4
    assert [job.id for job in page.jobs] == [job.id for job in (await far.jobs(parse(text), limit=1_000)).jobs[:LIMIT]]


async def test_first_page_takes_four_trips_at_most_if_a_worker_is_reserved(
    far: RedisQueue, trips: Trips, filled: Store
) -> None:
    for number in range(4):
        await register(filled, f"gpu1:{number}", info={"workflow": "film"})
    trips.begin()
    page = await far.jobs(parse("status:pending"), limit=LIMIT)
    assert trips.trips <= 4
    assert {job.reserved_for for job in page.jobs} == {("film",)}


async def test_summary_takes_four_trips_at_most(far: RedisQueue, trips: Trips) -> None:
    trips.begin()
    assert (await far.summary()).jobs["active"] == 4
    assert trips.trips <= 4


async def test_summary_asks_two_things_of_each_worker(far: RedisQueue, trips: Trips, filled: Store) -> None:
    trips.begin()
    await far.summary()
    before = trips.commands
    for number in range(10):
        await register(filled, f"gpu2:{number}", ram_gb=number + 1)
    trips.begin()
    assert dict((await far.summary()).workers) == {"ready": 14}
    assert trips.commands - before <= 20


async def test_workers_take_three_trips_and_classes_two(far: RedisQueue, trips: Trips) -> None:
    trips.begin()
    assert len(await far.workers()) == 4
    assert trips.trips <= 3
    trips.begin()
    assert len(await far.classes()) == 20
    assert trips.trips <= 2


async def test_one_job_by_a_prefix_with_what_came_of_it_takes_five_trips_at_most(far: RedisQueue, trips: Trips) -> None:
    (failed,) = (await far.jobs(parse("status:failed"), limit=1)).jobs
    emp = AsyncEmp(far, _place(trips))
    trips.begin()
    job = await emp.job(await emp.resolve(failed.id[:-2]))
    outcome, attempts = await emp.came_of(job)
    await emp.now_ms()
    assert trips.trips <= 5
    assert outcome == await emp.outcome(job.id)
    assert attempts == await emp.attempts(job.id)
    assert outcome.value
    assert attempts
