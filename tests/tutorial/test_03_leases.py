"""A claim is a lease. Who stops beating loses the job to another, and nothing that it sends later counts."""

from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.time_travel import end_lease, reap


async def test_a_worker_that_falls_silent(store: Store) -> None:
    silent, other = await register(store, "silent"), await register(store, "other")
    job = await submit(store)

    old = await silent.take()
    await end_lease(store, job)
    await reap(store)
    assert (await store.inspector.job(job)).state is JobState.PENDING

    new = await other.take()
    assert await silent.complete(old, by="silent") == "stale"
    assert await silent.beat(old) == ["lost:superseded"]
    assert await other.complete(new, by="other") == "ok"
    assert (await store.inspector.outcome(job))["data"] == {"by": "other"}


async def test_a_worker_that_comes_back_in_time(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_lease(store, job)
    await reap(store)

    assert await worker.beat(claim) == ["ok"], "nobody took it meanwhile, so it goes on"
    assert await worker.complete(claim) == "ok"
