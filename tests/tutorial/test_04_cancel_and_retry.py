"""Cancel means cancel; and what has ended can be run anew."""

from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.support.builders import register, submit


async def test_cancel_while_it_runs(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()

    assert await store.broker.cancel(job) == "cancelling"
    assert await worker.tokens() == [f"cancel {job} {worker.id}"], "the worker is told at once"
    assert await worker.complete(claim, too="late") == "cancel"
    assert (await store.inspector.job(job)).state is JobState.CANCELLED

    await store.broker.retry(job)
    again = await worker.take()
    assert (again.job_id, again.gen, again.attempt) == (job, 1, 2)
