"""Workers, limits, and the queue as a whole."""

import pytest

from emp_core.client.queue import Queue
from emp_core.domain.worker import WorkerState
from emp_core.errors import InvalidInput, NotFound
from emp_core.store import Store
from tests.core.client.queue_suite.test_jobs import submit
from tests.support.builders import register


async def test_workers_are_listed_steered_and_explained(queue: Queue, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(queue)
    assert [each.id for each in await queue.workers()] == [worker.id]
    assert [waiting.jobs for waiting in (await queue.explain_worker(worker.id)).takes] == [1]
    assert await queue.steer(worker.id, WorkerState.PAUSED, reason="driver update") is WorkerState.READY
    paused = await queue.worker(worker.id)
    assert (paused.state, paused.reason) == (WorkerState.PAUSED, "driver update")
    assert (await queue.explain(job_id)).standings[0].reason == "paused: driver update"


async def test_worker_that_is_not_there_is_not_found(queue: Queue) -> None:
    for ask in (queue.worker("gpu9:0"), queue.steer("gpu9:0", WorkerState.PAUSED), queue.explain_worker("gpu9:0")):
        with pytest.raises(NotFound):
            await ask


async def test_limits_are_set_read_and_taken_away(queue: Queue) -> None:
    await queue.set_limit("customer:acme", 3)
    assert await queue.limits() == {"customer:acme": 3}
    await queue.set_limit("customer:acme", None)
    assert await queue.limits() == {}


@pytest.mark.parametrize(("whose", "maximum"), [("acme", 1), ("customer:", 1), ("worker:a", 1), ("customer:a", -1)])
async def test_limit_of_nothing_that_can_be_limited_is_refused(queue: Queue, whose: str, maximum: int) -> None:
    with pytest.raises(InvalidInput):
        await queue.set_limit(whose, maximum)


async def test_summary_classes_memory_and_server_are_read(queue: Queue) -> None:
    await submit(queue)
    assert (await queue.summary()).jobs["pending"] == 1
    assert [view.pending for view in await queue.classes()] == [1]
    assert [each.pending for each in (await queue.demand()).classes] == [1]
    assert (await queue.workflows()).looked_at == 1
    assert (await queue.memory(60_000)).waiting == 1
    assert await queue.check_server() == queue.server
    assert await queue.now_ms() > 0


async def test_summary_takes_the_workers_that_were_read_and_leaves_out_the_oldest_job(
    queue: Queue, store: Store
) -> None:
    await register(store)
    await submit(queue)
    workers = await queue.workers()
    await register(store, "gpu2:0")
    whole, some = await queue.summary(), await queue.summary(workers=workers, oldest=False)
    assert (whole.slots, some.slots) == (2, 1)
    assert whole.oldest_pending_ms is not None
    assert some.oldest_pending_ms is None
    assert (some.jobs, some.classes_waiting, some.held) == (whole.jobs, whole.classes_waiting, whole.held)


async def test_trend_counts_what_happened_in_the_last_minutes(queue: Queue, store: Store) -> None:
    worker = await register(store)
    await submit(queue)
    await queue.cancel(await submit(queue))
    await worker.drain()
    found = (await queue.trend(5)).last(5)
    assert found is not None
    assert (found.submitted, found.started, found.completed, found.cancelled) == (2, 1, 1, 1)


async def test_events_are_read_and_watched(queue: Queue) -> None:
    async with queue.watch() as watch:
        job_id = await submit(queue)
        assert [event.job for event in (await watch.next()).events] == [job_id]
    assert [event.name for event in await queue.recent_events(10)] == ["submitted"]
