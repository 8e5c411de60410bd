"""Cases that were built to lose a job, to run it twice for nothing, or to take a worker's name from it."""

from pathlib import Path

from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.store import Store, released
from tests.faults.fleet import Fleet
from tests.faults.history import History
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.faults.scenario import LEASE, begun, is_in
from tests.support.builders import register, submit
from tests.support.time_travel import allow_chores, end_lease, end_worker


async def test_a_worker_whose_time_is_up_in_its_own_turn_does_not_claim_its_own_job(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_lease(store, job)
    await end_worker(store, worker.id)
    await allow_chores(store)
    turn = await worker.turn(claims=1)
    assert (turn.state, turn.claimed) == ("lost", ())
    again = await register(store)
    assert await again.beat(claim) == ["ok"]
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses) == (JobState.ACTIVE, 1, 0)
    assert await again.complete(claim) == "ok"


async def test_a_process_that_comes_back_late_does_not_take_its_name_from_its_successor(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (crashed,) = await fleet.start("a")
    crashed.kill()
    (paused,) = await fleet.start("a", lease=LEASE)
    await fleet.start_hub(lease=LEASE)
    paused.stop()

    async def is_lost() -> bool:
        return (await store.inspector.worker("a")).state is WorkerState.LOST

    await eventually(is_lost, "it is given up")
    del fleet.workers["a"]
    (successor,) = await fleet.start("a")
    job = await begun(history, journal, gate)
    paused.resume()
    assert await paused.ended() != 0
    assert successor.exit_code is None
    gate.touch()
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses) == (JobState.COMPLETED, 1, 0)
    assert len(journal.starts(job)) == 1


async def test_a_job_over_its_time_is_taken_from_a_worker_that_beats(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (worker,) = await fleet.start("a")
    await fleet.start_hub()
    job = await begun(history, journal, gate, timeout_seconds=1, max_failures=1)
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.state, found.code) == (JobState.FAILED, "timeout")
    await eventually(lambda: journal.entries("stopped", job), "the connector stops")
    after = await history.submit()
    await history.drained()
    assert await is_in(store, after, JobState.COMPLETED)
    assert worker.exit_code is None


async def test_a_job_that_may_run_only_once_survives_a_claim_that_came_to_nothing(store: Store) -> None:
    worker, other = await register(store), await register(store, "other")
    job = await submit(store, on_lost="fail")
    claim = await worker.take()
    assert await worker.settle(released(claim, "the service is down", begun=False)) == "ok"
    again = await other.take()
    assert (again.job_id, again.attempt) == (job, 2)
    assert await other.settle(released(again, "the worker is stopping")) == "ok"
    found = await store.inspector.job(job)
    assert (found.state, found.code) == (JobState.FAILED, "lost")
