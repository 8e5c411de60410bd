"""How many connections a link has: never more than its limit, and none that nobody uses."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio.cluster import RedisCluster

from emp_core.errors import QueueUnavailable
from emp_core.store import Link, Store, open_store, pool
from emp_core.store.coalescing import AT_ONCE
from tests.support.builders import make_request
from tests.support.redis_server import Server, Servers
from tests.support.waiting import wait_until

LIMIT = 4
MANY = 100


@asynccontextmanager
async def opened(server: Server) -> AsyncIterator[Store]:
    store = await open_store(server.url, max_connections=LIMIT)
    try:
        yield store
    finally:
        await store.close()


def connections(server: Server) -> int:
    """Those of everybody but the test's own client."""
    return len([client for client in server.client.client_list() if client["name"] != "watcher"]) - 1


CALLS: dict[str, Callable[[Store, int], Awaitable[object]]] = {
    "commands": lambda store, n: store.link.call("GET", store.link.key(f"job:{n}")),
    "reads": lambda store, n: store.link.read_many([("GET", store.link.key(f"job:{n}"))] * 2),
    "scripts": lambda store, n: store.broker.submit(make_request(id=f"job-{n}")),
    "information": lambda store, n: store.link.info("server"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_calls_beyond_the_limit_wait_and_are_answered(server: Server, call: Any) -> None:
    before = connections(server)
    async with opened(server) as store:
        await asyncio.gather(*(call(store, n) for n in range(MANY)))
        # A cluster's client has one more, for what it asks of all nodes.
        assert connections(server) - before <= LIMIT + (server.engine == "cluster")


async def test_all_kinds_of_calls_together_stay_within_the_limit(server: Server) -> None:
    before = connections(server)
    async with opened(server) as store:
        server.client.function_flush()
        await asyncio.gather(*(call(store, n) for n in range(MANY) for call in CALLS.values()))
        assert connections(server) - before <= LIMIT + (server.engine == "cluster")


async def test_a_call_that_gets_no_connection_while_redis_answers_others_says_so(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Link, "heard_since", lambda *_: True)
    server = servers.empty("valkey")
    async with opened(server) as store:
        link = store.link
        blocked = [asyncio.ensure_future(link.call("BLPOP", link.key("nothing"), 0)) for _ in range(LIMIT - AT_ONCE)]
        try:
            await wait_until(
                lambda: int(server.client.info("clients")["blocked_clients"]) == LIMIT - AT_ONCE,
                "calls that hold every connection",
            )
            link.patience = 0.05
            with pytest.raises(QueueUnavailable, match="all 4 connections to Redis are in use") as refused:
                await link.call("PING")
            assert refused.value.code == "queue_busy"
        finally:
            for task in blocked:
                task.cancel()
            await asyncio.gather(*blocked, return_exceptions=True)


async def test_a_link_knows_when_redis_last_answered(store: Store) -> None:
    moment = asyncio.get_running_loop().time()
    assert not store.link.heard_since(moment)
    await store.link.call("EXISTS", store.link.key("schema"))
    assert store.link.heard_since(moment)
    moment = asyncio.get_running_loop().time()
    await store.broker.submit(make_request())
    assert store.link.heard_since(moment)


async def test_calls_that_wait_for_a_redis_that_hangs_blame_redis(server: Server) -> None:
    async with opened(server) as store:
        await store.link.call("PING")
        store.link.patience = 0.5
        server.process.send_signal(signal.SIGSTOP)
        try:
            calls = [store.link.call("PING") for _ in range(3 * LIMIT)]
            answers = await asyncio.gather(*calls, return_exceptions=True)
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert {getattr(answer, "code", answer) for answer in answers} == {"redis_unavailable"}


async def test_a_call_that_is_cancelled_while_it_waits_takes_no_connection(server: Server) -> None:
    async with opened(server) as store:
        tasks = [asyncio.ensure_future(store.link.call("PING")) for _ in range(MANY)]
        await asyncio.sleep(0)
        for task in tasks[1::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        calls = [store.link.call("EXISTS", store.link.key("schema")) for _ in range(LIMIT)]
        assert await asyncio.gather(*calls) == [1] * LIMIT


def idle(store: Store) -> list[Any]:
    client = store.link.client
    if isinstance(client, RedisCluster):
        return [connection for node in client.get_nodes() for connection in node._free]
    return list(client.connection_pool._available_connections)


def look_at_idle(store: Store, later: float) -> None:
    """As the timers do some seconds from now."""
    for connection in idle(store):
        connection.used_at -= later
        pool.close_or_look_again(asyncio.get_running_loop(), connection)


async def test_connections_that_are_idle_for_a_minute_are_closed_and_opened_again(server: Server) -> None:
    before = connections(server)
    async with opened(server) as store:
        await asyncio.gather(*(store.link.call("PING") for _ in range(MANY)))
        look_at_idle(store, pool.IDLE_SECONDS / 2)
        assert all(connection.is_connected for connection in idle(store))
        look_at_idle(store, pool.IDLE_SECONDS)
        await wait_until(lambda: connections(server) <= before + (server.engine == "cluster"), "they are closed")
        assert await store.link.call("GET", store.link.key("schema"))
        await store.broker.submit(make_request())


async def test_a_connection_has_one_timer_however_often_it_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, timers = asyncio.get_running_loop(), []
    monkeypatch.setattr(loop, "call_later", lambda *timer: timers.append(timer))
    connection = SimpleNamespace(is_connected=False)
    for _ in range(3):
        pool.close_when_idle(connection)
    assert len(timers) == 1
    connection.used_at -= pool.IDLE_SECONDS
    pool.close_or_look_again(loop, connection)
    pool.close_when_idle(connection)
    assert len(timers) == 2
