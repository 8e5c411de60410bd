"""move_jobs: T23, a job is kept back because it moves to another queue."""

from typing import Any

from emp_core.store import Stays, Store, WaitingJob
from tests.support.builders import register, submit
from tests.support.snapshot import Look

SOON = 4_000_000_000_000


async def kept_back(store: Store, *jobs: str, to: str = "other") -> dict[str, Any]:
    return await store.transfers.keep_back(jobs, to, "")


async def put_back(store: Store, *jobs: str) -> None:
    """Ends the move, as a test must leave no job on its way."""
    await store.transfers.release(jobs, "to other", "")


async def test_t23_no_worker_gets_it_and_it_does_not_expire(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, deadline=SOON)
    assert isinstance((await kept_back(store, job))[job], WaitingJob)
    assert await worker.claim() is None
    assert look().scores("expiry") == {}
    assert look().fields("moving") == {job: "to other"}
    await put_back(store, job)


async def test_t23_a_repeated_call_answers_the_same(store: Store, look: Look) -> None:
    job = await submit(store)
    first = await kept_back(store, job)
    version = look().job(job)["ver"]
    again = await kept_back(store, job)
    assert again[job].values | {"ttl_left": ""} == first[job].values | {"ttl_left": ""}
    assert look().job(job)["ver"] == version
    await put_back(store, job)


async def test_t23_what_is_read_is_the_job_as_it_waited(store: Store) -> None:
    job = await submit(store)
    found = (await kept_back(store, job))[job]
    assert "held" not in found.values
    await put_back(store, job)
    await store.broker.hold(job)
    assert (await kept_back(store, job))[job].values["held"] == "1"
    await put_back(store, job)


async def test_t23_a_job_moves_only_after_those_that_it_waits_for(store: Store) -> None:
    await submit(store, id="parent")
    await submit(store, id="child", depends_on=["parent"])
    assert await kept_back(store, "child") == {"child": Stays("parents", ("parent",))}
    answers = await kept_back(store, "parent", "child")
    assert answers["child"].waits_for == ("parent",)
    await put_back(store, "child", "parent")


async def test_t23_a_job_that_moves_elsewhere_or_runs_stays(store: Store) -> None:
    worker = await register(store)
    await submit(store, id="runs", priority=99)
    await worker.take()
    await submit(store, id="elsewhere")
    await kept_back(store, "elsewhere")
    answers = await kept_back(store, "elsewhere", "runs", "nowhere", to="third")
    assert answers == {"elsewhere": Stays("moving"), "runs": Stays("active"), "nowhere": Stays("gone")}
    await put_back(store, "elsewhere")


async def test_t23_a_claim_that_a_lost_worker_kept_is_closed(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await store.link.call("ZADD", store.link.key("leases"), 1, job)
    await store.upkeep.reap(300_000)
    await kept_back(store, job)
    assert await worker.complete(claim) == "stale"
    assert look().job(job)["state"] == "delayed"
    await put_back(store, job)
