"""A cancel reaches the connector, by whichever way it comes, and never another attempt than the one that is meant."""

import asyncio

import pytest

from daemons.worker.agent import slot as slots
from emp_core.domain.outcome import Result
from emp_core.domain.requirements import Requirements
from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.support.agents import until, working
from tests.support.builders import submit
from tests.support.fakes import ScriptedConnector
from tests.support.waiting import wait_until


async def test_a_token_stops_the_run_within_a_second(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        job = await submit(store)
        run = await connector.next_run()
        async with asyncio.timeout(3):  # three times the promise: the machine is busy
            assert await store.broker.cancel(job) == "cancelling"
            await until(store, job, JobState.CANCELLED)
        assert run.is_over
        await wait_until(lambda: not agent.slots and not agent.heart.held, "a free slot")


async def test_a_beat_stops_it_where_the_token_is_lost(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector) as agent:
        job = await submit(store)
        await connector.next_run()
        await store.link.call("HSET", store.link.key("worker:gpu1:0"), "waiter", "nobody")
        await store.broker.cancel(job)
        answer = await agent.heart.beat()
        assert list(answer.words.values()) == ["cancel"]
        await until(store, job, JobState.CANCELLED)
        await store.link.call("DEL", store.link.key("wake:nobody"))


async def test_a_report_stops_it_too(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector):
        job = await submit(store)
        run = await connector.next_run()
        await store.link.call("HSET", store.link.key("worker:gpu1:0"), "waiter", "nobody")
        await store.broker.cancel(job)
        run.context.progress(1)
        await until(store, job, JobState.CANCELLED)
        await store.link.call("DEL", store.link.key("wake:nobody"))


async def test_only_the_cancelled_one_of_several_stops(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector, slots=3):
        jobs = [await submit(store) for _ in range(3)]
        await connector.begun(3)
        await store.broker.cancel(jobs[1])
        await until(store, jobs[1], JobState.CANCELLED)
        assert [run.job_id for run in connector.open_runs] == [jobs[0], jobs[2]]


async def test_a_result_that_comes_all_the_same_is_noted_as_late(store: Store) -> None:
    connector = ScriptedConnector()
    connector.late_result = Result(data={"too": "late"})
    async with working(store, connector):
        job = await submit(store)
        await connector.next_run()
        await store.broker.cancel(job)
        assert (await until(store, job, JobState.CANCELLED)).code == "late_result"
        assert await store.inspector.outcome(job) is None


async def test_a_run_that_ends_well_after_the_cancel_is_still_cancelled(store: Store) -> None:
    connector = ScriptedConnector()
    connector.deaf = True
    async with working(store, connector):
        job = await submit(store)
        run = await connector.next_run()
        await store.broker.cancel(job)
        await wait_until(run.context.cancelled.is_set, "the connector was told")
        run.finish(done=True)
        assert (await until(store, job, JobState.CANCELLED)).code == "late_result"


async def test_a_deaf_connector_is_cut_off_and_its_slot_is_free_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "STOP_SECONDS", 0.05)
    connector = ScriptedConnector()
    connector.deaf = True
    async with working(store, connector) as agent:
        job = await submit(store)
        await connector.next_run()
        await store.broker.cancel(job)
        await until(store, job, JobState.CANCELLED)
        await wait_until(lambda: agent.board.states["comfyui"].busy == 0, "room")
        other = await submit(store)
        run = await connector.next_run()
        assert run.job_id == other
        run.finish()
        await until(store, other, JobState.COMPLETED)


async def test_a_requeue_stops_the_run_and_its_report_changes_nothing(store: Store) -> None:
    connector, other = ScriptedConnector(), ScriptedConnector()
    async with working(store, connector) as agent:
        job = await submit(store)
        first = await connector.next_run()
        async with working(store, other, worker_id="gpu1:1"):
            await store.broker.requeue(job)
            await wait_until(lambda: first.is_over, "the first run is over")
            again = await (connector if connector.open_runs else other).next_run()
            assert again.assignment.attempt == 2
            again.finish(attempt=2)
            await until(store, job, JobState.COMPLETED)
            await wait_until(lambda: not agent.slots, "a free slot")
        assert (await store.inspector.outcome(job))["data"] == {"attempt": 2}


async def test_a_token_for_an_old_attempt_leaves_the_new_one_alone(store: Store) -> None:
    connector = ScriptedConnector()
    async with working(store, connector, slots=2) as agent:
        job = await submit(store)
        await connector.next_run()
        await store.link.call("HSET", store.link.key("worker:gpu1:0"), "waiter", "nobody")
        await store.broker.requeue(job)
        agent.wake()
        await connector.begun(2)
        await store.link.call("RPUSH", store.link.key(f"wake:{agent.options.boot}"), f"cancel {job} gpu1:0")
        await wait_until(lambda: connector.runs[0].is_over, "the old run is over")
        (second,) = connector.open_runs
        assert not second.context.cancelled.is_set()
        second.finish()
        await until(store, job, JobState.COMPLETED)
        await store.link.call("DEL", store.link.key("wake:nobody"))


async def test_a_token_that_comes_before_the_slot_is_there_is_not_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is claimed, and what its class asks is still being read."""
    connector, learnt = ScriptedConnector(), asyncio.Event()
    ask = store.classes.requirements

    async def slowly(class_id: str) -> Requirements:
        await learnt.wait()
        return await ask(class_id)

    monkeypatch.setattr(store.classes, "requirements", slowly)
    async with working(store, connector) as agent:
        job = await submit(store)
        await until(store, job, JobState.ACTIVE)
        await store.broker.cancel(job)
        await wait_until(lambda: job in agent.contact.early, "the token is heard")
        learnt.set()
        await until(store, job, JobState.CANCELLED)
        assert not agent.contact.early
