"""requeue_job: T15."""

import pytest

from emp_core.errors import Conflict, NotFound
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look


async def test_t15_an_operator_takes_a_job_back_to_its_place(store: Store, look: Look) -> None:
    worker = await register(store)
    job, behind = await submit(store), await submit(store)
    claim = await worker.take()
    await store.broker.requeue(job)
    found = look()
    assert (found.job(job)["state"], found.job(job).get("releases", "0")) == ("pending", "0")
    assert found.scores("leases") == {}
    assert await worker.tokens() == [f"cancel {job} {worker.id}"]
    assert await worker.beat(claim) == ["lost:released"]
    assert await worker.drain() == [job, behind]


async def test_t15_the_attempt_is_remembered_with_its_reason(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    await store.broker.requeue(job)
    (attempt,) = await store.inspector.attempts(job)
    assert (attempt.number, attempt.worker, attempt.outcome) == (1, worker.id, "requeued")
    assert attempt.detail == "by an operator"


async def test_t15_i4_the_claim_is_closed_and_its_result_is_not_taken(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await store.broker.requeue(job)
    assert await worker.complete(claim, late=True) == "stale"
    assert await worker.report(claim, percent=50.0) == "stale"
    assert f"job.result:{job}" not in look().entries


async def test_t15_at_most_once_ends_as_lost(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, on_lost="fail")
    await worker.take()
    await store.broker.requeue(job)
    assert (look().job(job)["state"], look().job(job)["code"]) == ("failed", "lost")


async def test_t15_only_what_runs(store: Store) -> None:
    job = await submit(store)
    with pytest.raises(Conflict, match="pending"):
        await store.broker.requeue(job)
    with pytest.raises(NotFound):
        await store.broker.requeue("nobody")


async def test_t15_a_cancelling_job_stays_so(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    await store.broker.cancel(job)
    with pytest.raises(Conflict, match="cancelling"):
        await store.broker.requeue(job)


async def test_t15_r27_a_call_that_comes_again_leaves_the_next_worker_its_job(store: Store, look: Look) -> None:
    worker, other = await register(store), await register(store, "gpu2:0")
    job = await submit(store)
    await worker.take()
    assert await store.link.run("requeue_job", id=job, customer="", nonce="n1", by="", reason="") == b"ok"
    claim = await other.take()
    assert await store.link.run("requeue_job", id=job, customer="", nonce="n1", by="", reason="") == b"ok"
    assert look().event_names(job).count("requeued") == 1
    assert await other.complete(claim) == "ok"
