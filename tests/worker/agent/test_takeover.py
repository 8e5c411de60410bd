"""A new process with the id of an earlier one waits for its lease, and takes over unless that one renews it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemons.worker.agent import takeover
from emp_core.store import Life, Store, WorkerIdInUse
from tests.support.agents import TestedAgent, make_agent, stop
from tests.support.builders import LEASE_MS, WorkerDriver, make_capabilities, submit
from tests.support.fakes import ScriptedConnector
from tests.support.time_travel import end_worker
from tests.support.waiting import wait_until

Logs = list[Any]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try comes after 30 ms of a lease of five minutes: no test waits, and no busy machine loses a lease."""
    monkeypatch.setattr(takeover, "LATEST_BEAT", 1e-4)


async def hold(store: Store) -> WorkerDriver:
    """An earlier process of another container: nothing tells whether it lives."""
    offered = make_capabilities()
    life = Life(worker="gpu1:0", boot="boot-1", profile=offered.profile_id, lease_ms=LEASE_MS)
    info = {"pid": 4711, "pid_began": 1.0, "pid_space": "another container"}
    answer = await store.registry.register(life, offered, machine="host-x", waiter="w", slots=1, info=info)
    await store.registry.judge(life, offered, answer.profile_number)
    return WorkerDriver(store, life, offered, answer.profile_number, "w")


@asynccontextmanager
async def waiting(
    store: Store, logs: Logs, connector: ScriptedConnector | None = None
) -> AsyncIterator[tuple[TestedAgent, asyncio.Task[None]]]:
    """A new process with that id, once it waits."""
    before = len(notes(logs))
    agent = make_agent(store, [connector or ScriptedConnector()], waits_for_id=True)
    task = asyncio.ensure_future(agent.run())
    try:
        await wait_until(lambda: len(notes(logs)) > before, "it says that it waits")
        yield agent, task
    finally:
        await stop(agent, task)


def notes(logs: Logs) -> list[str]:
    return [entry["note"] for entry in logs if entry["event"] == "worker.waiting"]


async def test_new_process_waits_for_the_old_lease_and_takes_over(store: Store) -> None:
    old, connector = await hold(store), ScriptedConnector()
    job = await submit(store)
    await old.take()
    with capture_logs() as logs:
        async with waiting(store, logs, connector) as (agent, _):
            (note,) = notes(logs)
            assert note.startswith("the id is still held by pid 4711 on host-x; waiting up to ")
            await end_worker(store, "gpu1:0")
            await wait_until(agent.ready.is_set, "it has the id")
            assert (await store.inspector.worker("gpu1:0")).boot == agent.options.boot
            run = await connector.next_run()
            assert (run.job_id, run.assignment.attempt) == (job, 2)


async def test_new_process_gives_up_if_the_old_one_renews(store: Store) -> None:
    old = await hold(store)
    with capture_logs() as logs:
        async with waiting(store, logs) as (_, task):
            await store.broker.beat(old.life, "", [])
            with pytest.raises(WorkerIdInUse, match="worker gpu1:0 is in use by pid 4711 on host-x") as refused:
                await task
    assert refused.value.reason == "worker_id_in_use"
    assert (await store.inspector.worker("gpu1:0")).boot == "boot-1"


async def test_of_two_that_wait_one_has_the_id(store: Store) -> None:
    await hold(store)
    with capture_logs() as logs:
        async with waiting(store, logs) as (one, first), waiting(store, logs) as (other, second):
            await end_worker(store, "gpu1:0")
            await wait_until(lambda: first.done() or second.done(), "one of them gives up")
            loser, winner = (first, other) if first.done() else (second, one)
            with pytest.raises(WorkerIdInUse):
                await loser
            await wait_until(winner.ready.is_set, "the other one works")


async def test_process_that_is_told_to_stop_while_it_waits_ends_at_once(store: Store) -> None:
    await hold(store)
    with capture_logs() as logs:
        async with waiting(store, logs) as (agent, task):
            agent.drain()
            await task
    assert [worker.boot for worker in await store.inspector.workers()] == ["boot-1"]
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["worker.waiting"]
