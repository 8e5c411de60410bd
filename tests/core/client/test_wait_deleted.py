"""Waits for jobs that are deleted before their end was read."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from emp_core import AsyncEmp
from emp_core.client import changes
from emp_core.client.changes import Watch
from emp_core.domain.states import JobState
from emp_core.errors import Deleted, NotFound
from emp_core.store import Batch, Store
from tests.core.client.test_async_emp import somebody_reads_on
from tests.support.builders import register, submit
from tests.support.waiting import wait_until

Meanwhile = Callable[[], Awaitable[object]]


@pytest.fixture
def before_news(monkeypatch: pytest.MonkeyPatch) -> Callable[[Meanwhile], None]:
    """Has something happen once, after the wait has read its jobs and before it hears of it."""
    hear = Watch.next

    def arrange(meanwhile: Meanwhile) -> None:
        pending = [meanwhile]

        async def late(watch: Watch, block_ms: int = 0) -> Batch:
            while pending:
                await pending.pop()()
            return await hear(watch, block_ms or changes.BLOCK_MS)

        monkeypatch.setattr(Watch, "next", late)

    return arrange


async def end_and_delete(store: Store, job_id: str) -> None:
    await store.broker.cancel(job_id)
    await store.upkeep.delete([job_id])


async def test_wait_for_a_job_that_is_deleted_raises_deleted(
    emp: AsyncEmp, store: Store, before_news: Callable[[Meanwhile], None]
) -> None:
    job_id = await submit(store)
    before_news(lambda: end_and_delete(store, job_id))
    with pytest.raises(Deleted, match=f"job {job_id}") as told:
        await emp.wait(job_id, timeout=100)
    assert isinstance(told.value, NotFound)
    assert (told.value.job_ids, told.value.jobs) == ((job_id,), ())


async def test_wait_goes_on_for_the_other_jobs_and_keeps_them(
    emp: AsyncEmp, store: Store, before_news: Callable[[Meanwhile], None]
) -> None:
    worker = await register(store)
    completed, gone = await submit(store), await submit(store)
    claim = await worker.take()
    before_news(lambda: end_and_delete(store, gone))
    waiting = asyncio.create_task(emp.wait([completed, gone], timeout=100))
    await wait_until(lambda: somebody_reads_on(store), "the wait has begun")
    assert not waiting.done()
    await worker.complete(claim)
    with pytest.raises(Deleted) as told:
        await waiting
    assert told.value.job_ids == (gone,)
    assert [(job.id, job.state) for job in told.value.jobs] == [(completed, JobState.COMPLETED)]


async def test_wait_for_any_ends_at_once_when_one_is_deleted(
    emp: AsyncEmp, store: Store, before_news: Callable[[Meanwhile], None]
) -> None:
    gone, pending = await submit(store), await submit(store)
    before_news(lambda: end_and_delete(store, gone))
    with pytest.raises(Deleted) as told:
        await emp.wait([gone, pending], any_of=True, timeout=100)
    assert [(job.id, job.state) for job in told.value.jobs] == [(pending, JobState.PENDING)]


async def test_wait_keeps_an_end_that_it_has_read_before_the_job_was_deleted(
    emp: AsyncEmp, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await register(store)
    early, late = await submit(store), await submit(store)
    claims = [await worker.take()]
    hear = Watch.next
    heard: list[str] = []

    async def next_batch(watch: Watch) -> Batch:
        if "completed" in heard and not await store.inspector.deleted([early]):
            await store.upkeep.delete([early])
            claims.append(await worker.take())
        if claims:
            await worker.complete(claims.pop())
        batch = await hear(watch)
        heard.extend(event.state for event in batch.events)
        return batch

    monkeypatch.setattr(Watch, "next", next_batch)
    jobs = await emp.wait([early, late], timeout=100)
    assert [(job.id, job.state) for job in jobs] == [(early, JobState.COMPLETED), (late, JobState.COMPLETED)]
    assert await store.inspector.known([early, late]) == {late}


async def test_wait_that_begins_after_the_deletion_says_deleted_and_keeps_the_others(
    emp: AsyncEmp, store: Store
) -> None:
    gone, failed = await submit(store), await submit(store)
    await end_and_delete(store, gone)
    await store.broker.cancel(failed)
    with pytest.raises(Deleted) as told:
        await emp.wait([gone, failed], timeout=100)
    assert [job.id for job in told.value.jobs] == [failed]


@pytest.mark.damages
async def test_wait_ends_with_a_damaged_job_and_hears_of_its_deletion_without_an_event(
    emp: AsyncEmp, store: Store, monkeypatch: pytest.MonkeyPatch, before_news: Callable[[Meanwhile], None]
) -> None:
    monkeypatch.setattr(changes, "LOOK_AGAIN_SECONDS", 0.0)
    damaged, gone = await submit(store), await submit(store)
    await store.link.call("HDEL", store.link.key(f"job:{damaged}"), "spec")
    assert [job.state for job in await emp.wait(damaged, timeout=100)] == [None]

    async def damage_and_delete() -> None:
        await store.link.call("HDEL", store.link.key(f"job:{gone}"), "spec")
        await store.upkeep.delete([gone])

    before_news(damage_and_delete)
    with pytest.raises(Deleted):
        await emp.wait(gone, timeout=100)


async def test_follow_of_a_job_that_is_deleted_raises_deleted(
    emp: AsyncEmp, store: Store, before_news: Callable[[Meanwhile], None]
) -> None:
    job_id = await submit(store)
    before_news(lambda: end_and_delete(store, job_id))
    with pytest.raises(Deleted):
        async for _ in emp.follow(job_id):
            pass
