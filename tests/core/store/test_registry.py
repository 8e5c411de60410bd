"""The registry's own part: answers as types, and the wait for a wake-up."""

import asyncio

from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.redis_server import Server
from tests.support.waiting import wait_until


async def _is_blocked(server: Server) -> bool:
    return any(client["cmd"].lower() == "blmpop" for client in server.client.client_list())


async def test_a_wait_ends_with_the_wake_up(store: Store, server: Server) -> None:
    worker = await register(store)
    assert await worker.claim() is None
    link = store.blocking_link()
    waiting = asyncio.ensure_future(store.registry.wait_for_token(worker.waiter, 10, link))
    await wait_until(lambda: _is_blocked(server), "a blocked reader")
    job = await submit(store)
    (token,) = await waiting
    assert token == f"claim {(await store.inspector.job(job)).class_id} {worker.id}"
    await link.close()


async def test_a_wait_brings_all_that_has_come(store: Store) -> None:
    worker = await register(store)
    for state in (WorkerState.PAUSED, WorkerState.READY, WorkerState.PAUSED):
        await store.registry.steer(worker.id, state)
    link = store.blocking_link()
    assert await store.registry.wait_for_token(worker.waiter, 1, link) == [f"control - {worker.id}"] * 3
    await link.close()


async def test_a_wait_in_vain_is_empty(store: Store) -> None:
    link = store.blocking_link()
    assert await store.registry.wait_for_token("nobody", 0.02, link) == []
    await link.close()


async def test_the_state_before_is_a_type(store: Store) -> None:
    worker = await register(store)
    assert await store.registry.steer(worker.id, WorkerState.PAUSED) is WorkerState.READY
    assert await store.registry.steer(worker.id, WorkerState.STOPPED) is WorkerState.PAUSED
