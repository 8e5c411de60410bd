"""A worker is told to go, or is not let near the queue because of what it does to jobs."""

import time
from pathlib import Path

from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.faults import connector
from tests.faults.fleet import Fleet
from tests.faults.history import History
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.faults.scenario import LEASE, begun, done, is_in, seconds_between, started
from tests.support.figures import Figure
from tests.support.time_travel import end_avoiding, fall_due


async def test_r09_a_machine_that_fails_everything_is_fenced(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, figure: Figure
) -> None:
    (good,) = await fleet.start("good")
    kinds = ["red", "green", "blue"]
    for kind in kinds:
        await history.submit(job_type=kind)
    await history.drained()
    await begun(history, journal, gate)
    (bad,) = await fleet.start("bad", build=connector.black_hole)
    jobs = [await history.submit(job_type=kind) for _ in range(3) for kind in kinds]

    async def is_fenced() -> bool:
        return (await store.inspector.worker("bad")).state is WorkerState.FENCED

    await eventually(is_fenced, "it is fenced")
    gate.touch()

    async def ended() -> bool:
        for job in jobs:
            if await is_in(store, job, JobState.DELAYED):
                await fall_due(store, job)
        return await history.all_ended()

    await eventually(ended, "the healthy one does it all")
    charged = [attempt for job in jobs for attempt in await store.inspector.attempts(job) if attempt.worker == "bad"]
    assert 3 <= len(charged) <= 3
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.states == {"completed": len(jobs) + 4}
    assert good.exit_code is bad.exit_code is None
    figure("failures charged to the fenced machine", len(charged))


async def test_r10_the_next_try_is_another_workers(
    store: Store, fleet: Fleet, history: History, journal: Journal
) -> None:
    await fleet.start("a", "b")
    jobs = [await history.submit(payload={"failures": 1}) for _ in range(6)]

    async def ended() -> bool:
        for job in jobs:
            if await is_in(store, job, JobState.DELAYED):
                await fall_due(store, job)
        return await history.all_ended()

    await eventually(ended, "every job ends")
    for job in jobs:
        first, second = journal.starts(job)
        assert first.worker != second.worker
    assert (await history.verdict()).clean


async def test_r10_where_nobody_else_comes_the_same_worker_tries_again(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (busy,) = await fleet.start("busy")
    await begun(history, journal, gate)
    await fleet.start("free")
    job = await history.submit(payload={"failures": 1})
    await eventually(lambda: is_in(store, job, JobState.DELAYED), "it fails")
    await fall_due(store, job)
    await eventually(lambda: is_in(store, job, JobState.PENDING), "it waits for another worker")
    assert len(journal.starts(job)) == 1
    await end_avoiding(store, job)
    await done(journal, job)
    assert {entry.worker for entry in journal.starts(job)} == {"free"}
    gate.touch()
    await history.drained()
    assert busy.exit_code is None
    assert (await history.verdict()).clean


async def test_r16_a_worker_that_is_told_to_go_ends_its_short_job(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (worker,) = await fleet.start("a")
    job = await begun(history, journal, gate)
    worker.terminate()
    waiting = await history.submit()
    await eventually(lambda: "stopping" in worker.output, "it says so")
    gate.touch()
    assert await worker.ended() == 0
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses, found.failures, found.releases) == (
        JobState.COMPLETED,
        1,
        0,
        0,
        0,
    )
    assert await is_in(store, waiting, JobState.PENDING)
    assert (await store.inspector.worker("a")).state is WorkerState.STOPPED


async def test_r17_a_long_job_is_given_back_when_its_worker_goes(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path, figure: Figure
) -> None:
    (worker,) = await fleet.start("a", DRAIN_TIMEOUT_SECONDS="0")
    job = await begun(history, journal, gate)
    await fleet.start("b")
    asked_at = time.monotonic()
    worker.terminate()
    again = await started(journal, job, 2)
    figure("seconds from SIGTERM to the next start", seconds_between(asked_at, again.at))
    assert await worker.ended() == 0
    assert again.worker == "b"
    gate.touch()
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.attempt, found.losses, found.failures, found.releases) == (2, 0, 0, 1)
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.duplicates == 0


async def test_r17_a_second_signal_gives_the_job_back_at_once(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (worker,) = await fleet.start("a", DRAIN_TIMEOUT_SECONDS="600")
    job = await begun(history, journal, gate)
    worker.terminate()
    await eventually(lambda: "stopping" in worker.output, "it drains")
    worker.terminate()
    assert await worker.ended() == 0
    found = await store.inspector.job(job)
    assert (found.state, found.losses, found.failures, found.releases) == (JobState.PENDING, 0, 0, 1)


async def test_a_deaf_connector_does_not_keep_its_worker_from_going(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (worker,) = await fleet.start("a", DRAIN_TIMEOUT_SECONDS="0")
    job = await begun(history, journal, gate, payload={"deaf": True})
    worker.terminate()
    assert await worker.ended() == 0
    assert (await store.inspector.job(job)).releases == 1
    assert journal.effects(job) == []


async def test_a_worker_that_the_queue_has_given_up_leaves_in_peace(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    await fleet.start_hub(lease=LEASE)
    (worker,) = await fleet.start("a", lease=LEASE, DRAIN_TIMEOUT_SECONDS="0")
    job = await begun(history, journal, gate)
    worker.stop()
    await eventually(lambda: is_in(store, job, JobState.PENDING), "its lease ends")
    worker.terminate()
    worker.resume()
    assert await worker.ended() == 0, worker.output
    assert "Traceback" not in worker.output
    await eventually(lambda: is_in(store, job, JobState.PENDING), "it waits for another worker")
    await fleet.start("b")
    gate.touch()
    await history.drained()
    assert (await store.inspector.job(job)).worker == "b"
    assert (await history.verdict()).clean
