"""Two turns under way: results, claims and wake-ups are exact whatever happens to one of them."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemons.worker.agent.intake import TURN_JOBS
from daemons.worker.connector import Assignment, JobContext
from daemons.worker.connectors.simulation import Simulation, SimulationSettings
from emp_core.domain.outcome import Result
from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.errors import Refused
from emp_core.store import Settlement, Store, Turn, open_store
from tests.faults.proxy import Proxy
from tests.support.agents import make_agent, running, states, until
from tests.support.builders import make_request, submit
from tests.support.fakes import ScriptedConnector
from tests.support.redis_server import Server
from tests.support.waiting import wait_until

JOBS = 3 * TURN_JOBS


class Gate:
    """Stands before the turns of a store's agents."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self._turn = store.broker.turn
        self._open = asyncio.Event()
        self._open.set()
        self.under_way: list[Sequence[Settlement]] = []
        self.most = 0
        """How many were under way at once."""

        self.refusals = 0
        """So many turns are told that the queue does not know their worker."""

        monkeypatch.setattr(store.broker, "turn", self._pass)

    async def _pass(self, life: Any, offered: Any, wish: Any, settled: Sequence[Settlement] = ()) -> Turn:
        self.under_way.append(settled)
        self.most = max(self.most, len(self.under_way))
        try:
            await self._open.wait()
            if self.refusals:
                self.refusals -= 1
                raise Refused("register", "the queue does not know this worker")
            return await self._turn(life, offered, wish, settled)
        finally:
            self.under_way.remove(settled)

    def close(self) -> None:
        """Hold what comes from now on."""
        self._open.clear()

    def open(self) -> None:
        """Let it through."""
        self._open.set()


@pytest.fixture
def gate(store: Store, monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(store, monkeypatch)


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[Proxy]:
    with tempfile.TemporaryDirectory(prefix="emp-") as directory:
        between = Proxy(Path(directory) / "proxy.sock", server.socket)
        await between.start()
        yield between
        await between.close()


@pytest.fixture
async def far_store(proxy: Proxy, store: Store) -> AsyncIterator[Store]:
    """The same queue, by a way that can be cut."""
    opened = await open_store(proxy.url)
    yield opened
    await opened.close()


async def _submit_many(store: Store, count: int) -> list[str]:
    answers = await store.broker.submit_many([make_request() for _ in range(count)])
    return [answer.id for answer in answers if not isinstance(answer, Exception)]


async def _all_ran(store: Store, jobs: Sequence[str]) -> None:
    """Each job is completed, in its first attempt."""

    async def are_over() -> bool:
        return set(await states(store, *jobs)) == {JobState.COMPLETED}

    await wait_until(are_over, "all jobs are completed")
    found = await store.inspector.jobs_by_id(jobs)
    assert {(job.attempt, job.failures, job.losses, job.releases) for job in found} == {(1, 0, 0, 0)}


async def _finish_and_hold(gate: Gate, connector: ScriptedConnector) -> None:
    """All runs end, and their results are in turns that are held, or wait behind them."""
    gate.close()
    for run in connector.open_runs:
        run.finish()
    await wait_until(lambda: len(gate.under_way) == 2, "two turns under way")


async def test_full_turn_begins_while_another_is_under_way(store: Store, gate: Gate) -> None:
    connector = ScriptedConnector()
    async with running(make_agent(store, [connector], slots=64)):
        jobs = await _submit_many(store, JOBS)
        await connector.begun(JOBS)
        await _finish_and_hold(gate, connector)
        assert len(gate.under_way[1]) == TURN_JOBS
        gate.open()
        await _all_ran(store, jobs)
        assert gate.most == 2


async def test_turn_that_is_not_full_waits_for_the_one_under_way(store: Store, gate: Gate) -> None:
    connector = ScriptedConnector()
    async with running(make_agent(store, [connector], slots=64)):
        jobs = await _submit_many(store, TURN_JOBS - 1)
        await connector.begun(TURN_JOBS - 1)
        gate.close()
        for run in connector.open_runs:
            run.finish()
        await wait_until(lambda: len(gate.under_way) == 1, "a turn under way")
        gate.open()
        await _all_ran(store, jobs)
        assert gate.most == 1


def _settles_many(data: bytes) -> bool:
    return data.count(b"complete\r") == TURN_JOBS


def _cuts_all(proxy: Proxy) -> Callable[[bytes], bool]:
    """Hangs up on everybody when a full turn comes, once."""

    def cut(data: bytes) -> bool:
        if _settles_many(data) and not proxy.cuts:
            proxy.cut()
        return False

    return cut


@pytest.mark.parametrize("whole", [False, True], ids=["one answer is lost", "all connections are cut"])
async def test_results_of_a_turn_that_failed_are_handed_in_again(
    store: Store, far_store: Store, proxy: Proxy, whole: bool
) -> None:
    connector = ScriptedConnector()
    async with running(make_agent(far_store, [connector], slots=64)) as task:
        jobs = await _submit_many(store, JOBS)
        await connector.begun(JOBS)
        proxy.lose_answer_to(_cuts_all(proxy) if whole else _settles_many)
        more = await _submit_many(store, JOBS)
        for run in connector.open_runs:
            run.finish()
        await connector.begun(2 * JOBS)
        await wait_until(lambda: bool(proxy.cuts if whole else proxy.lost_answers), "a turn fails")
        for run in connector.open_runs:
            run.finish()
        await _all_ran(store, jobs + more)
        assert sorted(connector.jobs) == sorted(jobs + more)
        assert not task.done()


async def test_drain_waits_for_both_turns(store: Store, gate: Gate) -> None:
    connector = ScriptedConnector()
    agent = make_agent(store, [connector], slots=64)
    async with running(agent) as task:
        jobs = await _submit_many(store, JOBS)
        await connector.begun(JOBS)
        await _finish_and_hold(gate, connector)
        more = await submit(store)
        agent.drain()
        assert agent.awaits_the_queue
        gate.open()
        await task
        await _all_ran(store, jobs)
        assert await states(store, more) == [JobState.PENDING]


async def test_worker_that_is_abandoned_names_the_results_of_both_turns(store: Store, gate: Gate) -> None:
    connector = ScriptedConnector()
    agent = make_agent(store, [connector], slots=64)
    async with running(agent) as task:
        jobs = await _submit_many(store, JOBS)
        await connector.begun(JOBS)
        await _finish_and_hold(gate, connector)
        with capture_logs() as logs:
            agent.drain()
            agent.abandon()
            await task
        assert sorted(entry["job"] for entry in logs if entry["event"] == "job.unreported") == sorted(jobs)
        assert gate.under_way == []


async def test_pause_during_two_turns_ends_the_claims_and_resume_brings_them_back(store: Store, gate: Gate) -> None:
    connector = ScriptedConnector()
    agent = make_agent(store, [connector], slots=64)
    async with running(agent):
        jobs = await _submit_many(store, JOBS)
        await connector.begun(JOBS)
        await _finish_and_hold(gate, connector)
        await store.registry.steer("gpu1:0", WorkerState.PAUSED)
        more = await _submit_many(store, JOBS)
        gate.open()
        await _all_ran(store, jobs)
        await wait_until(lambda: agent.state is WorkerState.PAUSED and not gate.under_way, "it is paused")
        assert set(await states(store, *more)) == {JobState.PENDING}
        await store.registry.steer("gpu1:0", WorkerState.READY)
        await connector.begun(2 * JOBS)


async def test_queue_that_forgets_the_worker_during_two_turns_gets_their_results(store: Store, gate: Gate) -> None:
    connector = ScriptedConnector()
    agent = make_agent(store, [connector], slots=64)
    async with running(agent):
        jobs = await _submit_many(store, JOBS)
        await connector.begun(JOBS)
        await _finish_and_hold(gate, connector)
        gate.refusals = 2
        gate.open()
        await _all_ran(store, jobs)
        more = await submit(store)
        await connector.begun(JOBS + 1)
        assert connector.jobs[-1] == more


async def test_job_that_is_cancelled_while_its_result_is_under_way_is_never_completed(store: Store, gate: Gate) -> None:
    connector = ScriptedConnector()
    async with running(make_agent(store, [connector], slots=64)):
        jobs = await _submit_many(store, JOBS)
        await connector.begun(JOBS)
        await _finish_and_hold(gate, connector)
        doomed = [settled[0].job_id for settled in gate.under_way]
        for job in doomed:
            assert await store.broker.cancel(job) == "cancelling"
        gate.open()
        for job in doomed:
            await until(store, job, JobState.CANCELLED)
        await _all_ran(store, [job for job in jobs if job not in doomed])


class _Counting(Simulation):
    """Notes how many jobs it ran at once."""

    most = 0

    async def run(self, assignment: Assignment, context: JobContext) -> Result:
        self.most = max(self.most, self.running + 1)
        return await super().run(assignment, context)


@pytest.mark.parametrize(("slots", "concurrency"), [(40, 1_000), (64, 40)], ids=["slots", "room in the service"])
async def test_bursts_are_claimed_as_far_as_there_is_room_and_none_is_left(
    store: Store, gate: Gate, slots: int, concurrency: int
) -> None:
    """Its safety net is off: a burst that finds the worker neither idle nor claiming would stay."""
    dice = random.Random(7)
    connector = _Counting(SimulationSettings(duration=0, steps=1), concurrency=concurrency)
    async with running(make_agent(store, [connector], slots=slots)):
        for _ in range(20):
            count = dice.randint(1, 120)
            requests = [make_request(service="simulation", payload={}) for _ in range(count)]
            answers = await store.broker.submit_many(requests)
            await _all_ran(store, [answer.id for answer in answers if not isinstance(answer, Exception)])
    assert gate.most == 2
    assert connector.most <= 40
