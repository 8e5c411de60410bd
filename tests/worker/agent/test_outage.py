"""Redis becomes unavailable and comes back: results are kept, claims are not doubled, nothing hangs."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemons.worker.agent import stopping
from daemons.worker.agent.stopping import stop_when_asked
from emp_core.domain.states import JobState
from emp_core.errors import QueueUnavailable
from emp_core.store import Store, Turn, open_store
from tests.faults.proxy import Proxy
from tests.support.agents import make_agent, running, until
from tests.support.builders import make_request, submit
from tests.support.fakes import ScriptedConnector
from tests.support.redis_server import Server
from tests.support.waiting import PATIENCE_SECONDS, wait_until


class Way(Proxy):
    """The way to Redis."""

    def refuse(self) -> None:
        """Take no new connections; those that are open go on."""
        assert self._server is not None
        self._server.close()


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[Way]:
    with tempfile.TemporaryDirectory(prefix="emp-") as directory:
        between = Way(Path(directory) / "proxy.sock", server.socket)
        await between.start()
        yield between
        await between.close()


@pytest.fixture
async def far_store(proxy: Way, store: Store) -> AsyncIterator[Store]:
    """The same queue, by a way that can be cut."""
    opened = await open_store(proxy.url)
    yield opened
    await opened.close()


async def test_a_result_is_kept_over_an_outage(store: Store, far_store: Store, proxy: Way) -> None:
    connector = ScriptedConnector()
    async with running(make_agent(far_store, [connector])):
        job = await submit(store)
        run = await connector.next_run()
        with capture_logs() as logs:
            await proxy.close()
            run.finish(answer=42)
            await wait_until(lambda: "queue.unavailable" in [entry["event"] for entry in logs], "it is noticed")
            assert (await store.inspector.job(job)).state is JobState.ACTIVE
            await proxy.start()
            await until(store, job, JobState.COMPLETED)
            await wait_until(lambda: "queue.back" in [entry["event"] for entry in logs], "it is said")
        assert (await store.inspector.outcome(job))["data"] == {"answer": 42}
        again = await submit(store)
        assert (await connector.next_run()).job_id == again


async def test_a_claim_whose_answer_was_lost_is_made_again_and_not_a_second_one(
    store: Store, far_store: Store, proxy: Way
) -> None:
    """The worker would take two; the answer is lost, and the way to Redis with it."""
    connector = ScriptedConnector()
    async with running(make_agent(far_store, [connector], slots=2)) as task:
        token = make_request().requirements.class_id.encode()

        def claims(data: bytes) -> bool:
            """The call that follows the wake-up."""
            wanted = token in data and b"gpu1:0" in data
            if wanted:
                proxy.refuse()
            return wanted

        proxy.lose_answer_to(claims)
        jobs = [await submit(store) for _ in range(2)]

        async def claimed() -> bool:
            return any([(await store.inspector.job(job)).attempt for job in jobs])

        await wait_until(claimed, "a claim that Redis has and the worker does not know of")
        await wait_until(lambda: proxy.lost_answers == 1, "an answer is lost")
        assert connector.runs == []
        await proxy.start()
        await connector.begun(2)
        assert sorted(connector.jobs) == sorted(jobs)
        assert [(await store.inspector.job(job)).attempt for job in jobs] == [1, 1]
        assert not task.done()


async def test_a_report_whose_answer_was_lost_is_made_again_and_changes_nothing(
    store: Store, far_store: Store, proxy: Way
) -> None:
    connector = ScriptedConnector()
    async with running(make_agent(far_store, [connector])) as task:
        job = await submit(store)
        run = await connector.next_run()
        proxy.lose_answer_to(lambda data: b"complete" in data)
        run.finish(answer=1)
        found = await until(store, job, JobState.COMPLETED)
        await wait_until(lambda: proxy.lost_answers == 1, "an answer is lost")
        other = await submit(store)
        (await connector.next_run()).finish()
        await until(store, other, JobState.COMPLETED)
        assert (await store.inspector.job(job)).version == found.version
        assert not task.done()


async def test_a_cut_costs_the_worker_its_wake_ups_no_longer_than_it_lasts(
    store: Store, far_store: Store, proxy: Way
) -> None:
    connector = ScriptedConnector()
    async with running(make_agent(far_store, [connector])):
        await proxy.close()
        job = await submit(store)
        await proxy.start()
        assert (await connector.next_run()).job_id == job


async def test_a_worker_ends_though_nobody_hears_of_its_results(
    store: Store, far_store: Store, proxy: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "LAST_WORD_SECONDS", 0.1)
    connector, said = ScriptedConnector(), list[str]()
    agent = make_agent(far_store, [connector])
    async with running(agent, stop_when_asked(agent, 0.1, said.append)) as task:
        job = await submit(store)
        run = await connector.next_run()
        await proxy.close()
        run.finish()
        with capture_logs() as logs:
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait([task], timeout=PATIENCE_SECONDS)
            assert task.done()
            await task
        assert [entry["job"] for entry in logs if entry["event"] == "job.unreported"] == [job]
        assert "worker.left_silently" in [entry["event"] for entry in logs]
    assert (await store.inspector.job(job)).state is JobState.ACTIVE


async def test_a_claim_whose_answer_was_lost_is_asked_for_before_the_worker_leaves(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job never began: it must not be lost, with the lease that nobody knows of."""
    claim, lost = store.broker.turn, False

    async def turn(*arguments: Any) -> Turn:
        nonlocal lost
        told = await claim(*arguments)
        if told.claimed and not lost:
            lost = True
            agent.drain()
            raise QueueUnavailable("redis_unavailable", "gone")
        return told

    monkeypatch.setattr(store.broker, "turn", turn)
    agent = make_agent(store, [ScriptedConnector()])
    job = await submit(store, on_lost="fail")
    await asyncio.wait_for(agent.run(), PATIENCE_SECONDS)
    found = await store.inspector.job(job)
    assert (lost, found.state, found.losses, found.releases) == (True, JobState.PENDING, 0, 1)
