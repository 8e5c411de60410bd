"""A run that fails is tried again after a pause, preferably elsewhere; some failures are final."""

from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.time_travel import fall_due, reap


async def test_another_try_on_another_worker(store: Store) -> None:
    first, second = await register(store, "first"), await register(store, "second")
    job = await submit(store)

    await first.fail(await first.take())
    shown = await store.inspector.job(job)
    assert (shown.state, shown.failures, shown.avoid) == (JobState.DELAYED, 1, ("first",))

    await fall_due(store, job)
    await reap(store)
    assert await first.claim() is None
    assert (await second.take()).job_id == job


async def test_a_final_failure(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.fail(await worker.take(), retryable=False)
    shown = await store.inspector.job(job)
    assert (shown.state, shown.code) == (JobState.FAILED, "permanent")
    assert (await store.inspector.outcome(job))["message"] == "it broke"
