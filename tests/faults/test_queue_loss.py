"""Redis is killed, restarted, robbed of the end of its file, or becomes unavailable for several leases."""

import asyncio
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from emp_core.domain.job import JobRequest
from emp_core.domain.states import TERMINAL, JobState
from emp_core.errors import QueueUnavailable
from emp_core.store import Store
from tests.faults.fleet import Fleet
from tests.faults.history import History
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.faults.queue_server import QueueServer
from tests.faults.scenario import begun, done, is_in, more_lines, seconds_between, started
from tests.support.builders import make_request, register
from tests.support.figures import Figure
from tests.support.time_travel import fall_due, reap

ROUNDS = 5
FAR_MS = 4_000_000_000_000
UNDISTURBED = ["submitted", "claimed", "completed"]
"""The events of a job that was not lost for a moment."""


async def test_r18_redis_is_killed_again_and_again_under_load(
    server: QueueServer, fleet: Fleet, history: History, journal: Journal, figure: Figure
) -> None:
    await fleet.start_hub()
    await fleet.start("a", "b", slots=4)
    back: list[float] = []
    jobs = 0
    for _ in range(ROUNDS):
        for _ in range(20):
            await history.submit(payload={"seconds": 0.1})
            jobs += 1
        await more_lines(journal, "start", jobs - 15)
        server.crash()
        await asyncio.sleep(random.uniform(0.0, 0.5))
        server.start()
        answered_at = time.monotonic()
        start = await started(journal, await history.submit(priority=100))
        jobs += 1
        back.append(seconds_between(answered_at, start.at))
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.states == {"completed": jobs}
    figure("acknowledged jobs lost", f"{len(verdict.lost)} / {verdict.jobs} in {ROUNDS} kills")
    figure("seconds until work goes on, max", max(back))
    figure("effects that were done twice", f"{verdict.duplicates} / {jobs}")


async def test_r18_what_a_kill_in_the_middle_of_writes_takes_with_it(
    store: Store, server: QueueServer, history: History, figure: Figure
) -> None:
    """`everysec` may keep an answered write back for two seconds while the disk is slow; here nobody waits for it."""
    gone = 0
    for _ in range(ROUNDS):
        over = asyncio.Event()

        async def submit(over: asyncio.Event) -> None:
            while not over.is_set():
                await history.submit(payload={"note": "x" * 1_000})

        submitting = [asyncio.create_task(submit(over)) for _ in range(4)]
        await asyncio.sleep(random.uniform(0.2, 0.6))
        server.kill()
        known = list(history.acknowledged)
        over.set()
        server.start()
        await asyncio.gather(*submitting)
        found = {job.id for job in await history.jobs(known)}
        gone += sum(job not in found for job in known)
        for job in known:
            await history.submit(id=job, payload={"note": "x" * 1_000})
            history.acknowledged.pop()
    jobs = await history.jobs(history.acknowledged)
    assert len(jobs) == len(set(history.acknowledged)) == (await store.inspector.summary()).jobs["pending"]
    figure("acknowledged writes gone with it", f"{gone} / {len(jobs):,} in {ROUNDS} kills")


async def test_r19_functions_may_be_forgotten_at_any_time(server: QueueServer, fleet: Fleet, history: History) -> None:
    workers = await fleet.start("a", "b", slots=2)

    over = asyncio.Event()

    async def flush() -> None:
        while not over.is_set():
            server.client.function_flush()
            await asyncio.sleep(0.05)

    flushing = asyncio.create_task(flush())
    for _ in range(60):
        await history.submit(payload={"seconds": 0.02})
    await history.drained()
    over.set()
    await flushing
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.duplicates == 0
    assert all(not worker.said("queue.unavailable") and not worker.said("job.lost") for worker in workers)


@pytest.mark.parametrize("attempt", range(3))
async def test_r20_the_end_of_the_file_is_lost(
    store: Store, server: QueueServer, fleet: Fleet, attempt: int, figure: Figure
) -> None:
    await fleet.start("a", "b", slots=2, lease=2)
    keys = [f"key-{number}" for number in range(60)]
    ids = [(await store.broker.submit(keyed(key))).id for key in keys]
    await eventually(lambda: some_ended(store), "some jobs are done")
    server.crash()
    cut = random.randint(1, server.log_file.stat().st_size // 2)
    server.lose(cut)
    server.start()
    gone = len(ids) - len(await store.inspector.jobs_by_id(ids))
    answers = [await store.broker.submit(keyed(key)) for key in keys]

    async def all_ended() -> bool:
        counts = (await store.inspector.summary()).jobs
        return sum(counts[state] for state in TERMINAL) == sum(counts.values())

    await eventually(all_ended, "every job ends")
    jobs = await store.inspector.jobs_by_id([answer.id for answer in answers])
    assert Counter(job.state for job in jobs) == {JobState.COMPLETED: len(keys)}
    assert len({job.id for job in jobs}) == len(keys)
    assert sum((await store.inspector.summary()).jobs.values()) == len(keys)
    figure(f"{cut:,} bytes cut: jobs gone, all of them again by their keys", f"{gone} / {len(keys)}")


def keyed(key: str) -> JobRequest:
    return make_request(service="witness", payload={"seconds": 0.02}, idempotency_key=key)


async def some_ended(store: Store) -> bool:
    return (await store.inspector.summary()).jobs["completed"] >= 20


async def test_r21_of_two_claims_with_the_same_number_the_forgotten_one_is_stale(
    store: Store, server: QueueServer, history: History
) -> None:
    worker = await register(store)
    job = await history.submit(service="comfyui", payload={})
    await eventually(lambda: server.client.info("persistence")["aof_buffer_length"] == 0, "the file is written")
    size = server.log_file.stat().st_size
    forgotten = await worker.take()
    server.crash()
    server.lose(server.log_file.stat().st_size - size)
    server.start()
    assert await is_in(store, job, JobState.PENDING)
    last = await worker.take()
    assert (last.job_id, last.attempt) == (forgotten.job_id, forgotten.attempt)
    assert await worker.complete(forgotten, by="the forgotten one") == "stale"
    assert await worker.fail(forgotten) == "stale"
    assert await worker.release(forgotten) == "stale"
    assert await worker.report(forgotten, percent=50, message="no") == "stale"
    assert (await worker.beat(forgotten))[0].startswith("lost")
    assert await worker.complete(last, by="the last one") == "ok"
    assert (await store.inspector.outcome(job))["data"] == {"by": "the last one"}


async def test_r21_a_worker_whose_claim_was_forgotten_stops(
    store: Store, server: QueueServer, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    (worker,) = await fleet.start("a")
    job = await history.submit(payload={"until": str(gate)}, run_at=FAR_MS)
    await eventually(lambda: server.client.info("persistence")["aof_buffer_length"] == 0, "the file is written")
    size = server.log_file.stat().st_size
    await let_go(store, job)
    await started(journal, job)
    server.crash()
    server.lose(server.log_file.stat().st_size - size)
    server.start()
    await eventually(lambda: journal.entries("stopped", job), "the forgotten attempt stops")
    await let_go(store, job)
    await started(journal, job, 2)
    gate.touch()
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert verdict.duplicates == 0
    assert worker.exit_code is None


async def let_go(store: Store, job: str) -> None:
    """The job's time has come; a worker's own chores may be the first to see it."""
    await fall_due(store, job)
    await reap(store)


async def test_everything_may_be_forgotten(
    server: QueueServer, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    workers = await fleet.start("a", "b")
    await begun(history, journal, gate)
    server.client.flushall()
    history.acknowledged.clear()
    again = [await history.submit(id=f"again-{number}") for number in range(10)]
    await history.drained()
    gate.touch()
    assert Counter(entry.job for entry in journal.entries("effect") if entry.job in again) == dict.fromkeys(again, 1)
    assert all(worker.exit_code is None for worker in workers)
    assert (await history.verdict()).lost == []


async def test_an_outage_of_several_leases_throws_no_work_away(
    store: Store, server: QueueServer, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    lease, leases = 6, 2
    names = ["a", "b", "c", "d"]
    workers = await fleet.start(*names, lease=lease)
    await fleet.start_hub(lease=lease)
    jobs = [await begun(history, journal, gate) for _ in range(len(names) // 2)]
    server.crash()
    await asyncio.sleep(leases * lease)
    server.start()
    back_at = int(server.client.time()[0]) * 1_000

    async def is_beating() -> bool:
        try:
            found = await store.inspector.workers()
        except QueueUnavailable:
            return False
        return len(found) == len(names) and all(worker.beat_at >= back_at for worker in found)

    await eventually(is_beating, "all of them beat again")
    gate.touch()
    await history.drained()
    for job in jobs:
        assert await names_of_events(store, job) == UNDISTURBED
        assert len(journal.starts(job)) == 1
    assert (await history.verdict()).clean
    assert all(worker.exit_code is None for worker in workers)


async def names_of_events(store: Store, job: str) -> list[str]:
    return [event.name for event in await store.events.of_job(job)]


async def test_a_redis_that_stands_still_for_several_leases_throws_no_work_away(
    store: Store, server: QueueServer, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    lease = 6
    await fleet.start("a", "b", lease=lease, slots=2)
    await fleet.start_hub(lease=lease)
    job = await begun(history, journal, gate)
    server.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2 * lease)
    server.process.send_signal(signal.SIGCONT)
    after = await history.submit()
    await done(journal, after)
    gate.touch()
    await history.drained()
    assert await names_of_events(store, job) == UNDISTURBED
    assert len(journal.starts(job)) == 1
    assert (await history.verdict()).clean


async def test_a_result_that_could_not_be_reported_is_kept_until_it_can(
    store: Store, server: QueueServer, fleet: Fleet, history: History, journal: Journal, gate: Path
) -> None:
    lease = 4
    await fleet.start("a", lease=lease)
    job = await begun(history, journal, gate)
    server.crash()
    gate.touch()
    await done(journal, job)
    await asyncio.sleep(2 * lease)
    server.start()
    await history.drained()
    found = await store.inspector.job(job)
    assert (found.state, found.attempt, found.losses) == (JobState.COMPLETED, 1, 0)
    assert len(journal.starts(job)) == 1
