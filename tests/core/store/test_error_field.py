"""`error` and `idempotency_key`: what a list can say of a job without reading its result or its request."""

import pytest

from emp_core.domain.filter import parse
from emp_core.domain.outcome import Failure
from emp_core.store import Store, failed, mismatched
from tests.support.builders import register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_attempt, fall_due, reap


async def _error(store: Store, job: str) -> str | None:
    return (await store.inspector.job(job)).error


@pytest.mark.parametrize("retryable", [True, False])
async def test_failed_run_leaves_its_message(store: Store, retryable: bool) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.settle(failed(await worker.take(), Failure(message="CUDA out of memory", retryable=retryable)))
    assert await _error(store, job) == "CUDA out of memory"
    shown = await store.inspector.job(job)
    assert parse('error:"out of MEMORY"').matches(shown, 0)
    assert not parse("error:disk").matches(shown, 0)


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("two\nlines\r\n\tand a tab\x1b[31m", "two lines and a tab [31m"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200),
        ("ä" * 150, "ä" * 100),
        ("x" + "ä" * 150, "x" + "ä" * 99),
        ("x" * 198 + "\U0001f600", "x" * 198),
        ("", None),
    ],
)
async def test_message_is_one_line_cut_before_a_character_that_does_not_fit(
    store: Store, message: str, kept: str | None
) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.settle(failed(await worker.take(), Failure(message=message)))
    assert await _error(store, job) == kept
    (attempt,) = await store.inspector.attempts(job)
    assert attempt.code == "error"


async def test_limit_and_mismatch_leave_a_message_too(store: Store) -> None:
    worker = await register(store)
    late, lacking = await submit(store, timeout_seconds=90, max_failures=1), await submit(store)
    await worker.take()
    await end_attempt(store, late)
    await reap(store)
    assert await _error(store, late) == "took longer than its limit of 90 s"
    await worker.settle(mismatched(await worker.take(), "lacks the node Foo"))
    assert (
        await _error(store, lacking)
        == f"refused by 1 worker, and no other live worker fits: {worker.id} lacks the node Foo"
    )


async def test_error_is_that_of_the_last_failure_and_goes_with_a_retry(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, max_failures=2)
    for message in ("first", "second"):
        await worker.settle(failed(await worker.take(), Failure(message=message)))
        assert await _error(store, job) == message
        if message == "first":
            await fall_due(store, job)
            await reap(store)
    await store.broker.retry(job)
    assert "error" not in look().job(job)
    assert await _error(store, job) is None


async def test_completed_job_has_no_error_even_after_a_failed_run(store: Store, look: Look) -> None:
    worker = await register(store)
    plain, again = await submit(store, id="plain"), await submit(store, id="again")
    await worker.complete(await worker.take())
    await worker.fail(await worker.take())
    await fall_due(store, again)
    await reap(store)
    await worker.complete(await worker.take())
    assert [await _error(store, job) for job in (plain, again)] == [None, None]
    assert "error" not in look().job(plain)


async def test_key_of_a_submit_is_read_with_the_job(store: Store) -> None:
    job = await store.inspector.job(await submit(store, idempotency_key="order 1234"))
    assert job.idempotency_key == "order 1234"
    assert parse('key:"order 1234"').matches(job, 0)
    assert not parse("key:order*").matches(await store.inspector.job(await submit(store)), 0)
