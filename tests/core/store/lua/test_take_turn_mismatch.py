"""take_turn: a job that a backend lacks a node or a model for goes to other workers, and blames nobody too early."""

import pytest

from emp_core.domain.policy import POLICY
from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.store import Store, mismatched
from tests.support.builders import WorkerDriver, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_avoiding, end_worker, fall_due, reap

LACKS = "lacks the model x.safetensors"


async def _fleet(store: Store, count: int) -> list[WorkerDriver]:
    return [await register(store, f"gpu{number}:0") for number in range(count)]


async def _refuse(worker: WorkerDriver, job: str, lacks: str = LACKS) -> None:
    claim = await worker.take()
    assert claim.job_id == job
    assert await worker.settle(mismatched(claim, lacks)) == "ok"


async def _state(store: Store, worker: WorkerDriver) -> str:
    return (await store.inspector.worker(worker.id)).state.value


async def test_t8_mismatch_offers_the_job_to_another_worker(store: Store) -> None:
    broken, good = await _fleet(store, 2)
    job = await submit(store)
    await _refuse(broken, job)
    found = await store.inspector.job(job)
    assert (found.state, found.failures, found.releases) == (JobState.PENDING, 0, 1)
    assert (found.lacking, found.avoid) == (True, (broken.id,))
    assert await broken.claim() is None
    assert await good.complete(await good.take()) == "ok"
    (attempt,) = await store.inspector.attempts(job)
    assert (attempt.worker, attempt.outcome, attempt.detail) == (broken.id, "mismatch", LACKS)


async def test_t8_mismatch_never_returns_to_the_refuser_while_another_fits(store: Store) -> None:
    broken, busy = await _fleet(store, 2)
    occupied = await submit(store, priority=90)
    assert (await busy.take()).job_id == occupied
    job = await submit(store)
    await _refuse(broken, job)
    for _ in range(3):
        await end_avoiding(store, job)
        await reap(store)
        assert await broken.claim() is None
    assert (await busy.take()).job_id == job


async def test_t7_mismatch_on_the_only_worker_fails_at_once(store: Store) -> None:
    (only,) = await _fleet(store, 1)
    job = await submit(store)
    await _refuse(only, job)
    found = await store.inspector.job(job)
    assert (found.state, found.code, found.failures, found.attempt) == (JobState.FAILED, "permanent", 1, 1)
    failure = await store.inspector.outcome(job)
    assert failure["message"] == f"refused by 1 worker, and no other live worker fits: {only.id} {LACKS}"
    assert (failure["code"], failure["retryable"], failure["detail"]) == ("mismatch", False, {only.id: LACKS})


async def test_t7_mismatch_on_all_that_fit_fails_with_what_each_lacks(store: Store) -> None:
    one, two = await _fleet(store, 2)
    job = await submit(store)
    await _refuse(one, job, "lacks the node class 'Foo\"'")
    await _refuse(two, job, "lacks the model ü\x07")
    failure = await store.inspector.outcome(job)
    assert failure["detail"] == {one.id: "lacks the node class 'Foo\"'", two.id: "lacks the model ü\x07"}
    assert failure["message"].startswith("refused by 2 workers, and no other live worker fits: ")
    assert failure["message"].endswith(f"{one.id} lacks the node class 'Foo\"'; {two.id} lacks the model ü\x07")


async def test_t7_mismatch_is_offered_to_three_others_at_most(store: Store) -> None:
    fleet = await _fleet(store, 6)
    job = await submit(store)
    for worker in fleet[:4]:
        assert (await store.inspector.job(job)).state is JobState.PENDING
        await _refuse(worker, job)
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.releases) == (JobState.FAILED, 4, 3)
    assert set((await store.inspector.outcome(job))["detail"]) == {worker.id for worker in fleet[:4]}


@pytest.mark.parametrize("how", ["lost", "stopped"])
async def test_t7_mismatch_fails_once_the_last_other_worker_is_gone(store: Store, how: str) -> None:
    broken, other = await _fleet(store, 2)
    job = await submit(store)
    await _refuse(broken, job)
    if how == "lost":
        await end_worker(store, other.id)
        await reap(store)
    else:
        await store.registry.steer(other.id, WorkerState.STOPPED)
    await _refuse(broken, job)
    assert (await store.inspector.job(job)).state is JobState.FAILED


async def test_t8_mismatch_of_an_at_most_once_job_is_no_start(store: Store) -> None:
    broken, good = await _fleet(store, 2)
    job = await submit(store, on_lost="fail")
    await _refuse(broken, job)
    assert (await good.take()).job_id == job


async def test_t8_mismatch_leaves_the_queue_time_running(store: Store, look: Look) -> None:
    broken, _ = await _fleet(store, 2)
    job = await submit(store)
    await _refuse(broken, job)
    assert look().scores("expiry").keys() == {job}
    assert (await store.inspector.job(job)).started_at is None


async def test_t13_mismatch_of_a_cancelled_job_is_its_end(store: Store) -> None:
    broken, _ = await _fleet(store, 2)
    job = await submit(store)
    claim = await broken.take()
    await store.broker.cancel(job)
    assert await broken.settle(mismatched(claim, LACKS)) == "cancel"
    assert (await store.inspector.job(job)).state is JobState.CANCELLED


async def test_t8_mismatch_said_twice_is_applied_once(store: Store) -> None:
    broken, _ = await _fleet(store, 2)
    job = await submit(store)
    claim = await broken.take()
    answers = [await broken.settle(mismatched(claim, LACKS)) for _ in range(2)]
    assert answers == ["ok", "already"]
    assert (await store.inspector.job(job)).releases == 1


async def test_t14_retry_forgets_who_refused(store: Store) -> None:
    (only,) = await _fleet(store, 1)
    job = await submit(store)
    await _refuse(only, job)
    await store.broker.retry(job)
    found = await store.inspector.job(job)
    assert (found.lacking, found.avoid) == (False, ())
    await _refuse(only, job, "lacks the model y")
    assert (await store.inspector.outcome(job))["detail"] == {only.id: "lacks the model y"}


async def test_a_failure_elsewhere_keeps_the_refusers_away(store: Store) -> None:
    broken, good = await _fleet(store, 2)
    job = await submit(store)
    await _refuse(broken, job)
    await good.fail(await good.take())
    await fall_due(store, job)
    await reap(store)
    assert (await store.inspector.job(job)).avoid == (broken.id,)
    assert await broken.claim() is None
    assert (await good.take()).job_id == job


async def test_t8_mismatch_beyond_the_cap_waits_until_there_is_room(store: Store, look: Look) -> None:
    broken, good = await _fleet(store, 2)
    filler = {f"filler-{n}": 1 for n in range(POLICY.avoided_cap)}
    key = store.link.key("avoided")
    await store.link.call("ZADD", key, *(item for name, score in filler.items() for item in (score, name)))
    job = await submit(store)
    await _refuse(broken, job)
    for _ in range(2):
        assert (await store.inspector.job(job)).state is JobState.DELAYED
        assert await broken.claim() is None
        await fall_due(store, job)
        await reap(store)
    await store.link.call("ZREM", key, *filler)
    await fall_due(store, job)
    await reap(store)
    assert look().scores("avoided").keys() == {job}
    assert (await good.take()).job_id == job


# -- fencing


async def _refused(store: Store, worker: WorkerDriver, size: int, **changes: object) -> str:
    job = await submit(store, requirements={"gpu_memory_gb": size}, **changes)
    await _refuse(worker, job)
    return job


async def test_r9_mismatch_fences_once_another_worker_ran_three_of_the_jobs(store: Store) -> None:
    broken, good = await _fleet(store, 2)
    for size in (1, 2, 3):
        await _refused(store, broken, size)
    assert await _state(store, broken) == "ready"
    for size in (1, 2, 3):
        assert await _state(store, broken) == "ready", size
        await good.complete(await good.take())
    assert await _state(store, broken) == "fenced"
    assert await _state(store, good) == "ready"


async def test_mismatch_of_three_misspelt_jobs_of_two_customers_fences_nobody(store: Store, look: Look) -> None:
    fleet = await _fleet(store, 3)
    for worker in fleet:
        await submit(store, customer_id="acme")
        await worker.complete(await worker.take())
    for size, customer in ((1, "acme"), (2, "b"), (3, "acme")):
        job = await submit(store, requirements={"gpu_memory_gb": size}, customer_id=customer)
        for worker in fleet:
            await _refuse(worker, job)
        assert (await store.inspector.job(job)).state is JobState.FAILED
    assert [await _state(store, worker) for worker in fleet] == ["ready"] * 3
    assert "worker_suspect" not in [entry["e"].split(" ")[0] for entry in look().log("events")]


async def test_mismatch_does_not_count_after_the_worker_ran_a_job_well(store: Store) -> None:
    mixed, good = await _fleet(store, 2)
    for size in (1, 2, 3):
        await _refused(store, mixed, size)
    await submit(store, priority=100)
    await mixed.complete(await mixed.take())
    for _ in range(3):
        await good.complete(await good.take())
    assert await _state(store, mixed) == "ready"


async def test_mismatch_of_one_class_three_times_fences_nobody(store: Store) -> None:
    broken, good = await _fleet(store, 2)
    for _ in range(3):
        await _refused(store, broken, 1)
        await good.complete(await good.take())
    assert await _state(store, broken) == "ready"


async def test_mismatch_of_a_worker_that_runs_the_job_later_is_not_held_against_it(store: Store) -> None:
    one, two = await _fleet(store, 2)
    job = await submit(store)
    await _refuse(one, job)
    await store.registry.steer(two.id, WorkerState.STOPPED)
    assert await one.complete(await one.take()) == "ok"
    assert (await store.inspector.job(job)).state is JobState.COMPLETED
    assert await _state(store, one) == "ready"
