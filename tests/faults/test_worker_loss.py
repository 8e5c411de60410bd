"""A worker is killed, or stands still, in the middle of its job."""

import time
from pathlib import Path

import pytest

from emp_core.domain.outcome import Result
from emp_core.domain.states import JobState
from emp_core.errors import Refused
from emp_core.store import Life, Store, Wish, completed
from tests.faults.fleet import Fleet
from tests.faults.history import History
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.faults.scenario import LEASE, RECOVERY_SECONDS, begun, everything, is_in, seconds_between, started
from tests.faults.zombies import Zombies
from tests.support.figures import Figure


async def test_r02_the_job_of_a_killed_worker_runs_elsewhere(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, figure: Figure
) -> None:
    await fleet.start_hub(lease=LEASE)
    (first,) = await fleet.start("a", lease=LEASE)
    job = await begun(history, journal, gate)
    await fleet.start("b")
    first.kill()
    killed_at = time.monotonic()
    again = await started(journal, job, 2, RECOVERY_SECONDS)
    figure("seconds to the next start", seconds_between(killed_at, again.at))
    gate.touch()
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses, found.failures) == (JobState.COMPLETED, 2, 1, 0)
    assert again.worker == "b"
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.duplicates == 0


async def test_r03_what_a_stopped_worker_says_later_changes_nothing(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, zombies: Zombies, figure: Figure
) -> None:
    await fleet.start_hub(lease=LEASE)
    (first,) = await fleet.start("a", lease=LEASE)
    job = await begun(history, journal, gate)
    await zombies.look()
    await fleet.start("b")
    first.stop()
    await started(journal, job, 2, RECOVERY_SECONDS)
    gate.touch()
    await history.drained()
    before = await everything(store, job)
    first.resume()
    await eventually(lambda: first.said("job.lost") or first.said("job.report_refused"), "the first hears of it")
    await zombies.offer()
    assert history.stale.offered >= 4
    assert history.stale.accepted == []
    assert await everything(store, job) == before
    assert (await store.inspector.outcome(job))["data"] == {"attempt": 2, "worker": "b"}
    figure("stale writes accepted", f"{len(history.stale.accepted)} / {history.stale.offered} offered")
    assert (await history.verdict()).clean


@pytest.mark.parametrize("slots", [1, 2])
async def test_r04_a_stopped_worker_takes_its_job_up_again_where_nobody_else_did(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, slots: int
) -> None:
    await fleet.start_hub(lease=LEASE)
    (only,) = await fleet.start("a", slots=slots, lease=LEASE)
    job = await begun(history, journal, gate)
    only.stop()
    await eventually(lambda: is_in(store, job, JobState.PENDING), "its lease ends")
    only.resume()
    await eventually(lambda: is_in(store, job, JobState.ACTIVE), "it is taken up again")
    gate.touch()
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses) == (JobState.COMPLETED, 1, 0)
    assert len(journal.starts(job)) == 1
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.duplicates == 0


async def test_r05_a_worker_that_starts_again_is_not_its_former_self(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, zombies: Zombies
) -> None:
    (first,) = await fleet.start("a")
    job = await begun(history, journal, gate)
    await zombies.look()
    former = await store.inspector.worker("a")
    first.kill()
    await fleet.start("a")
    await started(journal, job, 2)
    life = Life(worker="a", boot=former.boot, profile=former.profile_id, lease_ms=30_000)
    (claim,) = [claim for claim in zombies.seen.values() if claim.attempt == 1]
    with pytest.raises(Refused):
        await store.broker.turn(life, former.capabilities, Wish(), [completed(claim, Result())])
    await zombies.offer()
    assert history.stale.offered >= 4
    assert history.stale.accepted == []
    gate.touch()
    await history.drained()
    assert await zombies.traces() == []
    found = await store.inspector.job(job)
    assert (found.attempt, found.losses, found.failures) == (2, 1, 0)
    assert (await history.verdict()).clean


async def test_r08_a_job_that_kills_its_workers_is_poison(
    store: Store, fleet: Fleet, history: History, journal: Journal
) -> None:
    names = ["a", "b"]
    await fleet.start(*names)
    poison = await history.submit(payload={"crash": True}, priority=100)
    for _ in range(20):
        await history.submit(payload={"seconds": 0.05})

    async def ended() -> bool:
        for name in names:
            if fleet.workers[name].exit_code is not None:
                fleet.launch(name)
        return await history.all_ended()

    await eventually(ended, "every job ends")
    found = await store.inspector.job(poison)
    assert (found.state, found.code, found.losses, found.attempt) == (JobState.FAILED, "poison", 3, 3)
    assert len(journal.starts(poison)) == 3
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.states == {"completed": 20, "failed": 1}


async def test_r12_a_job_that_may_run_at_most_once_does(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    killed, stopped = await fleet.start("a", "b", lease=LEASE)
    jobs = [await begun(history, journal, gate, on_lost="fail") for _ in range(2)]
    await fleet.start("c")
    killed.kill()
    stopped.stop()
    await history.drained()
    stopped.resume()
    await eventually(lambda: stopped.said("job.lost"), "the stopped one hears of it")
    for job in jobs:
        found = await store.inspector.job(job)
        assert (found.state, found.code, found.attempt) == (JobState.FAILED, "lost", 1)
        assert len(journal.starts(job)) == 1
    verdict = await history.verdict()
    assert verdict.clean
    assert not journal.entries("effect")


async def test_r14_without_a_hub_the_workers_do_the_chores(
    fleet: Fleet, history: History, journal: Journal, gate: Path, figure: Figure
) -> None:
    hub = await fleet.start_hub(lease=LEASE)
    doomed, _ = await fleet.start("a", "b", lease=LEASE)
    hub.kill()
    job = await begun(history, journal, gate)
    worker = fleet.workers[journal.starts(job)[0].worker]
    jobs = [await history.submit() for _ in range(20)]
    await eventually(lambda: len(journal.entries("effect")) == len(jobs), "the queue drains")
    worker.kill()
    killed_at = time.monotonic()
    again = await started(journal, job, 2, RECOVERY_SECONDS)
    figure("seconds to the next start, no hub", seconds_between(killed_at, again.at))
    gate.touch()
    await history.drained()
    assert (await history.verdict()).clean
    assert doomed is fleet.workers["a"]
