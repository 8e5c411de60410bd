"""SIGTERM and Ctrl-C: finish, or give back; the first line says what it waits for."""

import asyncio
import io
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from daemons.worker.agent import agent as agents
from daemons.worker.agent.intake import Intake
from daemons.worker.agent.stopping import farewell, say, stop_when_asked
from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.support.agents import TestedAgent, make_agent, running, states, until
from tests.support.builders import register, submit
from tests.support.fakes import FrozenClock, ScriptedConnector
from tests.support.waiting import PATIENCE_SECONDS, wait_until


class Stoppable:
    """A worker that listens to signals, and what it tells the person at the terminal."""

    def __init__(self, store: Store, *, seconds: float = 60, clock: FrozenClock | None = None, slots: int = 3) -> None:
        self.connector = ScriptedConnector()
        self.agent: TestedAgent = make_agent(store, [self.connector], slots=slots, clock=clock)
        self.said: list[str] = []
        self._seconds = seconds

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        async with running(self.agent, stop_when_asked(self.agent, self._seconds, self.said.append)) as task:
            yield task

    async def ask(self, number: signal.Signals = signal.SIGTERM) -> None:
        before = len(self.said)
        signal.raise_signal(number)
        await wait_until(lambda: len(self.said) > before, "a line for the person")


async def ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task], timeout=PATIENCE_SECONDS)
    assert task.done()
    await task


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_an_idle_worker_ends_at_once(store: Store, number: signal.Signals) -> None:
    worker = Stoppable(store)
    async with worker.running() as task:
        await worker.ask(number)
        await ended(task)
        assert worker.said == ["stopping: no job is running"]
        assert worker.connector.closed
        (known,) = await store.inspector.workers(gone=True)
        assert known.state is WorkerState.STOPPED


async def test_a_terminal_that_closes_asks_once_though_it_is_told_twice(store: Store) -> None:
    worker = Stoppable(store)
    async with worker.running() as task:
        job = await submit(store)
        run = await worker.connector.next_run()
        await worker.ask(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        run.finish()
        await ended(task)
        assert len(worker.said) == 1
        assert await states(store, job) == [JobState.COMPLETED]


@pytest.fixture
def nohup() -> Iterator[None]:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("nohup")
async def test_under_nohup_a_terminal_may_close(store: Store) -> None:
    worker = Stoppable(store)
    async with worker.running() as task:
        signal.raise_signal(signal.SIGHUP)
        await worker.ask(signal.SIGTERM)
        await ended(task)
        assert worker.said == ["stopping: no job is running"]
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


class _BrokenPipe(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_a_line_that_nobody_reads_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", _BrokenPipe())
    say("stopping: no job is running")


async def test_a_busy_one_ends_with_its_jobs_and_claims_no_more(store: Store) -> None:
    worker = Stoppable(store)
    async with worker.running() as task:
        jobs = [await submit(store) for _ in range(2)]
        runs = list(await worker.connector.begun(2))
        await worker.ask()
        assert worker.said[0] == (
            f"stopping: waiting up to 60 s for {jobs[0]}, {jobs[1]}; Ctrl-C again gives them back"
        )
        later = await submit(store)
        runs[0].finish()
        await until(store, jobs[0], JobState.COMPLETED)
        assert (await store.inspector.worker("gpu1:0")).state is WorkerState.DRAINING
        runs[1].finish()
        await ended(task)
        assert await states(store, *jobs, later) == [JobState.COMPLETED, JobState.COMPLETED, JobState.PENDING]


async def test_slow_job_is_kept_until_the_drain_time_is_over(store: Store) -> None:
    """Progress so far says little: nodes take unequal time."""
    clock = FrozenClock()
    worker = Stoppable(store, clock=clock)
    async with worker.running() as task:
        job = await submit(store)
        run = await worker.connector.next_run()
        clock.advance(10)
        run.context.progress(2)
        await worker.ask()

        async def is_draining() -> bool:
            return (await store.inspector.worker("gpu1:0")).state is WorkerState.DRAINING

        await wait_until(is_draining, "the worker drains")
        assert not run.context.cancelled.is_set()
        run.finish()
        await ended(task)
        assert len(worker.said) == 1
        found = await store.inspector.job(job)
        assert (found.state, found.releases) == (JobState.COMPLETED, 0)


async def test_a_second_signal_gives_the_jobs_back(store: Store) -> None:
    worker = Stoppable(store)
    async with worker.running() as task:
        job = await submit(store)
        await worker.connector.next_run()
        await worker.ask()
        await worker.ask(signal.SIGINT)
        await ended(task)
        assert worker.said[1] == "giving the jobs back now"
        found = await store.inspector.job(job)
        assert (found.state, found.releases, found.failures) == (JobState.PENDING, 1, 0)


async def test_when_its_time_is_over_it_gives_the_jobs_back(store: Store) -> None:
    worker = Stoppable(store, seconds=0.05)
    async with worker.running() as task:
        job = await submit(store)
        await worker.connector.next_run()
        await worker.ask()
        await ended(task)
        assert (await store.inspector.job(job)).state is JobState.PENDING


async def test_a_deaf_connectors_job_is_given_back_all_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "GIVE_BACK_SECONDS", 0.05)
    worker = Stoppable(store)
    worker.connector.deaf = True
    async with worker.running() as task:
        job = await submit(store)
        await worker.connector.next_run()
        await worker.ask()
        await worker.ask()
        await ended(task)
        assert (await store.inspector.job(job)).releases == 1


async def test_what_it_gives_back_another_worker_starts_within_two_seconds(store: Store) -> None:
    worker, other = Stoppable(store, slots=1), ScriptedConnector()
    async with worker.running() as task:
        job = await submit(store)
        await worker.connector.next_run()
        async with running(make_agent(store, [other], worker_id="gpu2:0")):
            async with asyncio.timeout(6):  # three times the promise: the machine is busy
                await worker.ask()
                await worker.ask()
                assert (await other.next_run()).job_id == job
            await ended(task)


async def test_a_wake_up_that_reaches_a_stopping_worker_goes_to_another(store: Store) -> None:
    worker, other = Stoppable(store, slots=2), ScriptedConnector()
    async with worker.running() as task:
        job = await submit(store)
        run = await worker.connector.next_run()
        dead = await register(store, "gpu0:0", gpu_memory_gb=1)
        assert await dead.claim() is None
        await worker.ask()
        async with running(make_agent(store, [other], worker_id="gpu2:0")):
            waiting = await submit(store)
            (token,) = await dead.tokens()
            await store.registry.steer("gpu0:0", WorkerState.STOPPED)
            await store.link.call("RPUSH", store.link.key(f"wake:{worker.agent.options.boot}"), token)
            assert (await other.next_run()).job_id == waiting
            run.finish()
            await ended(task)
            assert await states(store, job) == [JobState.COMPLETED]


async def test_a_signal_while_it_registers_ends_it(store: Store) -> None:
    worker = Stoppable(store)
    worker.agent.drain()
    async with worker.running() as task:
        await ended(task)
    assert worker.connector.runs == []


async def test_the_farewell_names_no_more_than_a_few_jobs(store: Store) -> None:
    worker = Stoppable(store, slots=5)
    async with worker.running():
        jobs = [await submit(store) for _ in range(5)]
        await worker.connector.begun(5)
        assert farewell(worker.agent, 120) == (
            f"stopping: waiting up to 120 s for {', '.join(jobs[:3])}, 2 more; Ctrl-C again gives them back"
        )


async def test_the_farewell_of_an_idle_worker_without_an_answer_says_what_it_waits_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Stoppable(store)
    async with worker.running():
        assert farewell(worker.agent, 120) == "stopping: no job is running"
        monkeypatch.setattr(Intake, "is_unsure", True)
        assert farewell(worker.agent, 120) == (
            "stopping: waiting up to 120 s for an answer of Redis; Ctrl-C again ends it sooner"
        )
        monkeypatch.undo()
