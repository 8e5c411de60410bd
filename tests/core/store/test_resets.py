"""A connection that was reset while nobody used it, on the loop that the daemons run on."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop
from redis.asyncio.cluster import RedisCluster

from emp_core.store import Store, open_store
from tests.support.redis_server import Server, Servers
from tests.support.waiting import wait_until

HARD = struct.pack("ii", 1, 0)
"""SO_LINGER: a close is a reset."""


class Gateway:
    """A TCP port in front of a unix socket, which forgets its connections when it is told."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._near: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        self._near.append(writer)
        with suppress(OSError):
            await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))

    def reset(self) -> int:
        """How many it had."""
        for writer in self._near:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, HARD)
            writer.transport.abort()
        count = len(self._near)
        self._near.clear()
        return count


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


@asynccontextmanager
async def behind_a_gateway(server: Server) -> AsyncIterator[tuple[Store, Gateway]]:
    gateway = Gateway(str(server.socket))
    async with await asyncio.start_server(gateway.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        store = await open_store(f"redis://127.0.0.1:{port}")
        try:
            yield store, gateway
        finally:
            await store.close()


def _idle(store: Store) -> list[Any]:
    """The connections that nobody uses."""
    client = store.link.client
    if isinstance(client, RedisCluster):
        return [connection for node in client.get_nodes() for connection in node._free]
    return list(client.connection_pool._available_connections)


CALLS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "a script": lambda store: store.inspector.summary(),
    "a command": lambda store: store.link.call("GET", store.link.key("schema")),
    "reads": lambda store: store.link.read_many([("GET", store.link.key("schema"))] * 2),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def run(scene: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene)


@pytest.fixture
def lone(servers: Servers) -> Server:
    """No cluster: its clients go where it says, past any gateway."""
    return servers.empty("valkey")


@calls
def test_after_a_reset_the_next_call_takes_another_connection(lone: Server, call: Any) -> None:
    async def scene() -> None:
        async with behind_a_gateway(lone) as (store, gateway):
            await call(store)
            assert gateway.reset() >= 1
            reset = _idle(store)
            await wait_until(lambda: all(each._reader.exception() for each in reset), "the reset arrives")
            await call(store)

    run(scene())


@calls
def test_it_does_so_on_a_cluster_too(server: Server, call: Any) -> None:
    async def scene() -> None:
        store = await open_store(server.url)
        await call(store)
        idle = _idle(store)
        assert idle
        for connection in idle:
            connection._writer.transport.abort()
        await asyncio.sleep(0)
        await call(store)
        await store.close()

    run(scene())
