"""Attempts that are not this worker's any more, and those that it takes up again."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemons.worker.beat.pulse import Answer
from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.support import time_travel
from tests.support.agents import TestedAgent, make_agent, running, until, working
from tests.support.builders import register, submit
from tests.support.fakes import FrozenClock, Run, ScriptedConnector
from tests.support.waiting import wait_until


async def lose(store: Store, job: str) -> None:
    """The lease ends, and somebody notices."""
    await time_travel.end_lease(store, job)
    await time_travel.reap(store)
    assert (await store.inspector.job(job)).state is JobState.PENDING


async def test_a_superseded_attempt_stops_and_reports_nothing(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        job = await submit(store)
        run = await connector.next_run()
        await lose(store, job)
        other = await register(store, "gpu2:0")
        claim = await other.take()
        with capture_logs() as logs:
            await agent.heart.beat()
            await wait_until(lambda: run.is_over and not agent.slots, "the run is over")
            await wait_until(lambda: not agent.heart.held, "a heart that holds nothing")
        assert [entry["why"] for entry in logs if entry["event"] == "job.lost"] == ["superseded"]
        assert await other.complete(claim) == "ok"
        found = await store.inspector.job(job)
        assert (found.state, found.worker, found.losses) == (JobState.COMPLETED, "gpu2:0", 1)
        assert not [attempt for attempt in await store.inspector.attempts(job) if attempt.outcome == "released"]


async def test_a_timeout_stops_the_run(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        job = await submit(store)
        run = await connector.next_run()
        await time_travel.end_attempt(store, job)
        await time_travel.reap(store)
        await agent.heart.beat()
        await wait_until(lambda: run.is_over and not agent.slots, "the run is over")
        found = await store.inspector.job(job)
        assert (found.state, found.failures) == (JobState.DELAYED, 1)


async def test_a_lost_job_that_nobody_took_goes_on(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        job = await submit(store)
        run = await connector.next_run()
        await lose(store, job)
        await agent.heart.beat()
        found = await store.inspector.job(job)
        assert (found.state, found.losses, found.attempt) == (JobState.ACTIVE, 0, 1)
        run.finish()
        assert (await until(store, job, JobState.COMPLETED)).attempt == 1


async def test_the_result_of_a_lost_job_that_nobody_took_counts(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector):
        job = await submit(store)
        run = await connector.next_run()
        await lose(store, job)
        run.finish(answer=1)
        await until(store, job, JobState.COMPLETED)
        assert (await store.inspector.outcome(job))["data"] == {"answer": 1}


async def test_a_stale_report_is_logged_and_changes_nothing(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        job = await submit(store)
        run = await connector.next_run()
        await lose(store, job)
        other = await register(store, "gpu2:0")
        claim = await other.take()
        with capture_logs() as logs:
            run.finish(answer="of the loser")
            await wait_until(lambda: not agent.heart.held, "the report is answered")
        (refused,) = [entry for entry in logs if entry["event"] == "job.report_refused"]
        assert (refused["job"], refused["attempt"], refused["answer"]) == (job, 1, "stale")
        assert await other.complete(claim, answer="of the winner") == "ok"
        assert (await store.inspector.outcome(job))["data"] == {"answer": "of the winner"}


# -- without contact


class Silent:
    """A worker whose beats get no answer, and whose clock the test moves."""

    def __init__(self, store: Store, **options: Any) -> None:
        self.clock = FrozenClock()
        self.connector = ScriptedConnector()
        self.agent: TestedAgent = make_agent(store, [self.connector], clock=self.clock, **options)

    def beat_in_vain(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.agent.contact.on_beat(Answer(sent_at=self.clock.at, reached=False))


async def given_back(store: Store, job: str, run: Run) -> None:
    await wait_until(lambda: run.is_over, "the run is over")

    async def released() -> bool:
        return (await store.inspector.job(job)).releases == 1

    await wait_until(released, "a job that was given back")


async def test_without_contact_a_job_runs_to_the_end_of_its_time(store: Store) -> None:
    silent = Silent(store)
    async with running(silent.agent):
        job = await submit(store, timeout_seconds=600)
        run = await silent.connector.next_run()
        silent.beat_in_vain(599)
        assert not run.context.cancelled.is_set()
        silent.beat_in_vain(2)
        await given_back(store, job, run)


async def test_orphan_run_makes_it_shorter(store: Store) -> None:
    silent = Silent(store, orphan_run_seconds=100)
    async with running(silent.agent):
        job = await submit(store)
        run = await silent.connector.next_run()
        silent.beat_in_vain(99)
        assert not run.context.cancelled.is_set()
        silent.beat_in_vain(2)
        await given_back(store, job, run)


async def test_a_job_that_must_not_run_twice_stops_after_a_minute(store: Store) -> None:
    silent = Silent(store)
    async with running(silent.agent):
        job = await submit(store, on_lost="fail")
        run = await silent.connector.next_run()
        silent.beat_in_vain(61)
        await wait_until(lambda: run.is_over, "the run is over")
        assert (await until(store, job, JobState.FAILED)).code == "lost"


@pytest.mark.parametrize(("silence", "told"), [(23.0, True), (25.0, False)])
async def test_beyond_its_own_limit_it_reports_no_progress(store: Store, silence: float, told: bool) -> None:
    """0.8 of a lease of 30 seconds after the last beat that got through."""
    silent = Silent(store)
    async with running(silent.agent):
        job = await submit(store)
        run = await silent.connector.next_run()
        silent.beat_in_vain(silence)
        run.context.progress(50)
        run.context.log("a line")

        async def reported() -> bool:
            return (await store.inspector.job(job)).progress == 50

        if told:
            await wait_until(reported, "progress")
        else:
            for _ in range(10):  # the reporter looks, and decides without waiting for anything
                await asyncio.sleep(0)
            assert not await reported()
            await silent.agent.heart.beat()
            await wait_until(reported, "progress once there is contact again")
            assert await store.inspector.log(job) == ["a line"]


@pytest.mark.parametrize("worker_too", [False, True])
async def test_after_a_silence_it_takes_its_jobs_up_before_it_claims_any(store: Store, worker_too: bool) -> None:
    """With a free slot it is woken for the very job that it runs."""
    silent = Silent(store, slots=2)
    connector = silent.connector
    async with running(silent.agent):
        job = await submit(store)
        run = await connector.next_run()
        silent.clock.advance(31)
        await time_travel.end_lease(store, job)
        if worker_too:
            await time_travel.end_worker(store, "gpu1:0")
        await time_travel.reap(store)
        silent.agent.wake()

        async def is_back() -> bool:
            return (await store.inspector.job(job)).state is JobState.ACTIVE and bool(await store.inspector.workers())

        await wait_until(is_back, "a worker that is back with its job")
        assert connector.runs == [run]
        assert not run.context.cancelled.is_set()
        run.finish()
        found = await until(store, job, JobState.COMPLETED)
        assert (found.attempt, found.losses) == (1, 0)


async def test_where_it_claims_its_own_lost_job_the_old_run_stops(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector, slots=2):
        job = await submit(store)
        old = await connector.next_run()
        await time_travel.end_lease(store, job)
        await time_travel.reap(store)
        await connector.begun(2)
        await wait_until(lambda: old.is_over, "the old run is over")
        (new,) = connector.open_runs
        new.finish(attempt=2)
        await until(store, job, JobState.COMPLETED)
        assert (await store.inspector.outcome(job))["data"] == {"attempt": 2}


async def test_answers_that_had_to_wait_are_judged_by_when_they_were_asked_for(store: Store) -> None:
    """The connector held the interpreter for long; one beat in between got no answer, and the next ones did."""
    silent = Silent(store, orphan_run_seconds=40)
    async with running(silent.agent):
        await submit(store)
        run = await silent.connector.next_run()
        begun = silent.clock.at
        silent.clock.advance(60)
        for seconds, reached in ((10, True), (20, False), (30, True), (40, True), (50, True)):
            silent.agent.contact.on_beat(Answer(sent_at=begun + seconds, reached=reached, state="ready"))
        assert not run.context.cancelled.is_set()
