"""What an operator tells a worker: pause, resume, drain, fence."""

import asyncio

import pytest

from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.errors import Refused
from emp_core.store import Store
from tests.support.agents import make_agent, running, states, until, working
from tests.support.builders import register, submit
from tests.support.fakes import ScriptedConnector
from tests.support.waiting import PATIENCE_SECONDS, wait_until

HOLDS = [WorkerState.PAUSED, WorkerState.FENCED]
STOPS = [*HOLDS, WorkerState.DRAINING]


@pytest.mark.parametrize("state", STOPS)
async def test_an_idle_worker_claims_nothing_until_it_is_resumed(store: Store, state: WorkerState) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        await store.registry.steer("gpu1:0", state)
        await wait_until(lambda: agent.state is state, f"a {state} worker")
        job = await submit(store)
        assert await states(store, job) == [JobState.PENDING]
        await store.registry.steer("gpu1:0", WorkerState.READY)
        assert (await connector.next_run()).job_id == job


@pytest.mark.parametrize("state", STOPS)
async def test_a_busy_worker_ends_what_it_has_and_takes_no_more(store: Store, state: WorkerState) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        job, waiting = await submit(store), await submit(store)
        run = await connector.next_run()
        await store.registry.steer("gpu1:0", state)
        await wait_until(lambda: agent.state is state, f"a {state} worker")
        run.finish()
        await until(store, job, JobState.COMPLETED)
        await wait_until(lambda: not agent.heart.held, "the turn is over")
        assert await states(store, waiting) == [JobState.PENDING]
        await store.registry.steer("gpu1:0", WorkerState.READY)
        assert (await connector.next_run()).job_id == waiting


@pytest.mark.parametrize("state", HOLDS)
async def test_it_is_still_so_after_a_polite_restart(store: Store, state: WorkerState) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        await store.registry.steer("gpu1:0", state, reason="broken fan")
        await wait_until(lambda: agent.state is state, f"a {state} worker")
    assert (await store.inspector.workers(gone=True))[0].state is WorkerState.STOPPED
    async with working(store, connector) as agent:
        assert agent.state is state
        assert (await store.inspector.worker("gpu1:0")).reason == "broken fan"


async def test_a_beat_tells_it_where_the_token_is_lost(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        await store.link.call("HSET", store.link.key("worker:gpu1:0"), "waiter", "nobody")
        await store.registry.steer("gpu1:0", WorkerState.PAUSED)
        await agent.heart.beat()
        assert agent.state is WorkerState.PAUSED
        await store.link.call("DEL", store.link.key("wake:nobody"))


async def test_draining_ends_with_the_life(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        await store.registry.steer("gpu1:0", WorkerState.DRAINING)
        await wait_until(lambda: agent.state is WorkerState.DRAINING, "a draining worker")
    async with working(store, connector) as agent:
        assert agent.state is WorkerState.READY


async def test_a_queue_that_forgot_the_worker_hears_from_it_again(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        await store.link.call("FLUSHALL")
        await store.link.call("SET", store.link.key("schema"), "1")
        await agent.heart.beat()

        async def is_known() -> bool:
            return bool(await store.inspector.workers())

        await wait_until(is_known, "a worker that registered again")
        job = await submit(store)
        assert (await connector.next_run()).job_id == job


async def test_an_id_that_another_process_has_is_refused(store: Store) -> None:
    await register(store, "gpu1:0", boot="other")
    connector = ScriptedConnector()
    agent = make_agent(store, [connector])
    with pytest.raises(Refused, match="worker gpu1:0 is in use by a process on gpu1"):
        await agent.run()
    assert connector.closed
    assert connector.sweeps == 0


async def test_where_another_process_takes_its_id_it_stops_its_runs_and_ends(store: Store) -> None:
    connector = ScriptedConnector()
    agent = make_agent(store, [connector])
    async with running(agent) as task:
        job = await submit(store)
        run = await connector.next_run()
        thief = await register(store, "gpu1:0", boot="other", dead_boot=agent.options.boot)
        agent.wake()
        await asyncio.wait([task], timeout=PATIENCE_SECONDS)
        with pytest.raises(Refused, match="worker gpu1:0 is in use by a process on gpu1"):
            task.result()
        assert run.is_over
        assert connector.closed
        found = await store.inspector.job(job)
        assert (found.state, found.losses, found.releases) == (JobState.PENDING, 1, 0)
        assert (await thief.take()).job_id == job


async def test_a_restart_after_a_crash_gets_its_jobs_back_at_once(store: Store) -> None:
    connector = ScriptedConnector()
    crashed = await register(store, "gpu1:0", boot="other")
    job = await submit(store)
    await crashed.take()
    async with working(store, connector, dead_boot="other"):
        run = await connector.next_run()
        assert (run.job_id, run.assignment.attempt) == (job, 2)
        assert connector.sweeps == 1


async def test_worker_says_how_its_clock_stands_when_it_registers(store: Store) -> None:
    async with working(store, ScriptedConnector()):
        worker = await store.inspector.worker("gpu1:0")
    assert isinstance(worker.info["clock"], int)
    assert worker.clock_ahead_ms is not None
