"""take_turn: the code that a connector gives a failure (T7), beside the queue's own."""

from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.time_travel import end_attempt, fall_due, reap


async def test_t7_the_connectors_own_code_is_kept_with_the_job_its_attempt_and_its_worker(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.fail(await worker.take(), code="out_of_memory")
    waiting = await store.inspector.job(job)
    assert (waiting.state, waiting.code, waiting.cause) == ("delayed", None, "out_of_memory")
    await fall_due(store, job)
    await reap(store)
    await worker.fail(await worker.take(), retryable=False, code="Bad Graph!")
    ended = await store.inspector.job(job)
    assert (ended.code, ended.cause, ended.failure_code) == ("permanent", "bad_graph_", "bad_graph_")
    codes = [(attempt.outcome, attempt.code) for attempt in await store.inspector.attempts(job)]
    assert codes == [("error", "out_of_memory"), ("permanent", "Bad Graph!")]
    last = (await store.inspector.worker(worker.id)).last_failure
    assert last is not None
    assert (last.job, last.code) == (job, "bad_graph_")


async def test_t10_a_timeout_has_no_code_of_a_connector(store: Store) -> None:
    worker = await register(store)
    job = await submit(store, max_failures=2)
    await worker.fail(await worker.take(), code="out_of_memory")
    await fall_due(store, job)
    await reap(store)
    await worker.take()
    await end_attempt(store, job)
    await reap(store)
    ended = await store.inspector.job(job)
    assert (ended.code, ended.cause, ended.failure_code) == ("timeout", None, "timeout")


async def test_t14_a_job_that_is_retried_by_hand_has_no_code(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.fail(await worker.take(), retryable=False, code="out_of_memory")
    await store.broker.retry(job)
    assert (await store.inspector.job(job)).cause is None
