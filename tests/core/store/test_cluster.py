"""A Cluster of three masters: the queue lies on one of them, and every command goes to that one."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from emp_core.clock import SystemClock
from emp_core.errors import Misconfigured
from emp_core.store import Store, open_store
from emp_core.store.memory import read_memory
from emp_core.store.readings import read_state
from tests.support.builders import register, submit
from tests.support.clusters import Shard, Shards

AMONG_THEM = {"cluster|slots", "cluster|myid", "info", "config|resetstat"}
"""What these tests ask of each node; CLUSTER SLOTS is also how a client finds the queue."""


@pytest.fixture
async def store(shards: Shards) -> AsyncIterator[Store]:
    opened = await open_store(shards.url)
    yield opened
    await opened.close()


def asked(node: Shard) -> set[str]:
    """The commands that were sent to a node."""
    return {name.removeprefix("cmdstat_") for name in node.client.info("commandstats")}


async def test_every_command_goes_to_the_node_of_the_queue(shards: Shards) -> None:
    masters = shards.masters()
    for node in masters:
        node.client.config_resetstat()
    store = await open_store(shards.url)
    worker = await register(store)
    job = await submit(store)
    assert (await worker.take()).job_id == job
    await read_state(store.link, SystemClock())
    await read_memory(store.link)
    assert [names async for names in store.link.scan("job:", 10)] == [[job]]
    (library,) = await store.link.libraries()
    await store.link.drop_library(library.name)
    await submit(store)
    await store.close()
    assert {"time", "fcall", "memory|usage", "scan", "function|load", "function|list"} <= asked(shards.master())
    others = [asked(node) for node in masters if node is not shards.master()]
    assert [commands - AMONG_THEM for commands in others] == [set(), set()]


async def test_redis_is_not_asked_where_the_keys_of_a_call_are(shards: Shards, store: Store) -> None:
    await submit(store)
    assert [node for node in shards.nodes if any(name.startswith("command") for name in asked(node))] == []


@pytest.mark.parametrize("evicts", [True, False])
async def test_only_eviction_at_the_node_of_the_queue_is_refused(shards: Shards, evicts: bool) -> None:
    nodes = [node for node in shards.nodes if (node is shards.master()) is evicts]
    for node in nodes:
        node.client.config_set("maxmemory", "1gb")
        node.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        if evicts:
            with pytest.raises(Misconfigured, match="allkeys-lru"):
                await open_store(shards.url)
        else:
            await (await open_store(shards.url)).close()
    finally:
        for node in nodes:
            node.client.config_set("maxmemory", "0")
            node.client.config_set("maxmemory-policy", "noeviction")


async def test_calls_follow_a_slot_that_moved_and_load_the_library_there(shards: Shards, store: Store) -> None:
    worker = await register(store)
    jobs = [await submit(store) for _ in range(3)]
    for node in shards.masters():
        if node is not shards.master():
            node.client.function_flush()
    target = shards.move()
    found = await asyncio.gather(*(worker.take() for _ in jobs))
    assert {claim.job_id for claim in found} == set(jobs)
    assert (await store.link.info("server"))["tcp_port"] == target.port
    assert [library.current for library in await store.link.libraries()] == [True]
