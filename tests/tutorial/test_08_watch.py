"""Every change is an event; who reads on from a cursor misses none."""

from emp_core.store import Store
from tests.support.builders import register, submit


async def test_the_life_of_a_job_as_events(store: Store) -> None:
    worker = await register(store)
    cursor = await store.events.latest()

    job = await submit(store)
    claim = await worker.take()
    await worker.report(claim, percent=50.0, message="half way", lines=("a line of its log",))
    await worker.complete(claim)

    batch = await store.events.after(cursor)
    assert [event.name for event in batch.events] == ["submitted", "claimed", "completed"]
    assert [event.version for event in batch.events] == [1, 2, 3]
    assert (await store.events.after(batch.cursor)).events == ()

    shown = await store.inspector.job(job)
    assert (shown.progress, shown.message) == (100, "half way")
    assert await store.inspector.log(job) == ["a line of its log"]
