"""What costs no lease: a blocked interpreter, a beat process that dies; and what does: an agent that stands still."""

import signal
from pathlib import Path

import psutil

from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.faults.fleet import Fleet, WorkerProcess, is_alive
from tests.faults.history import History
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.faults.scenario import LEASE, begun, is_in, started


async def test_a_connector_that_holds_the_interpreter_loses_no_lease(
    store: Store, fleet: Fleet, history: History, journal: Journal
) -> None:
    lease = 5
    (worker,) = await fleet.start("a", lease=lease)
    job = await history.submit(payload={"hog": 2.5 * lease})
    await started(journal, job)
    await fleet.start("b", lease=lease)
    await fleet.start_hub(lease=lease)
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses, found.worker) == (JobState.COMPLETED, 1, 0, "a")
    assert len(journal.starts(job)) == 1
    assert worker.said("job.lost") == []


async def test_a_beat_process_that_is_killed_is_replaced_in_time(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (worker,) = await fleet.start("a")
    await fleet.start_hub()
    job = await begun(history, journal, gate)
    for _ in range(2):
        killed_at = await kill_pulse(store, worker)
        await eventually(lambda: worker.pulse, "there is another")
        await beaten_since(store, killed_at)
    gate.touch()
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses) == (JobState.COMPLETED, 1, 0)


async def kill_pulse(store: Store, worker: WorkerProcess) -> int:
    """When it was gone, by Redis's clock."""
    pulse = worker.pulse
    assert pulse is not None
    pulse.kill()
    await eventually(lambda: not is_alive(pulse), "it is gone")
    return await store.inspector.now_ms()


async def beaten_since(store: Store, ms: int) -> None:
    async def beats() -> bool:
        return (await store.inspector.worker("a")).beat_at > ms

    await eventually(beats, "it beats")


async def test_a_beat_process_does_not_outlive_its_agent(
    fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (worker,) = await fleet.start("a")
    await begun(history, journal, gate)
    pulse = worker.pulse
    assert pulse is not None
    worker.kill()
    await eventually(lambda: not is_alive(pulse), "it ends")


async def test_nobody_beats_for_an_agent_that_stands_still(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    await fleet.start_hub(lease=LEASE)
    (worker,) = await fleet.start("a", lease=LEASE)
    job = await begun(history, journal, gate)
    await fleet.start("b")
    worker.stop()
    await started(journal, job, 2)
    gate.touch()
    await history.drained()
    worker.resume()
    await eventually(lambda: worker.said("job.lost") or worker.said("job.report_refused"), "it hears of it")
    after = await history.submit()
    await history.drained()
    assert (await store.inspector.job(job)).worker == "b"
    assert await is_in(store, after, JobState.COMPLETED)
    assert (await history.verdict()).clean


async def test_a_beat_process_that_stands_still_costs_a_lease_and_no_job(
    store: Store, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    await fleet.start_hub(lease=LEASE)
    (worker,) = await fleet.start("a", lease=LEASE)
    job = await begun(history, journal, gate)
    await fleet.start("b")
    pulse = worker.pulse
    assert isinstance(pulse, psutil.Process)
    pulse.send_signal(signal.SIGSTOP)
    await started(journal, job, 2)
    gate.touch()
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert (await store.inspector.outcome(job))["data"] == {"attempt": 2, "worker": "b"}
