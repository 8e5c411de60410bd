"""A queue's own id: drawn once, kept by Redis, known to all that open the queue."""

import asyncio
from collections.abc import Iterator

import pytest

from emp_core.errors import Conflict, QueueUnavailable
from emp_core.store import Store, open_store
from emp_core.store.server import SCHEMA
from tests.support.redis_server import Server


async def opened(server: Server, prefix: str = "{emp}:") -> str | None:
    store = await open_store(server.url, prefix)
    await store.close()
    return store.queue_id


async def test_all_that_open_a_queue_at_once_get_the_same_id(server: Server) -> None:
    ids = await asyncio.gather(*(opened(server) for _ in range(8)))
    assert len(set(ids)) == 1
    assert ids[0] is not None


@pytest.mark.damages
async def test_another_prefix_has_another_id(store: Store, server: Server) -> None:
    other = await opened(server, "{other}:")
    assert other not in (None, store.queue_id)


async def test_a_queue_that_is_restored_from_a_backup_keeps_its_id(store: Store, server: Server) -> None:
    backup = {key: server.client.dump(key) for key in server.client.keys("*")}
    server.client.flushall()
    for key, value in backup.items():
        server.client.restore(key, 0, value)
    assert await opened(server) == store.queue_id


@pytest.fixture
def full(server: Server) -> Iterator[None]:
    server.client.set("{emp}:schema", SCHEMA)
    server.client.config_set("maxmemory", "1mb")
    yield
    server.client.config_set("maxmemory", "0")


@pytest.mark.usefixtures("full")
async def test_a_queue_in_a_full_redis_gets_an_id(server: Server) -> None:
    assert await opened(server) is not None
    assert await opened(server) == await opened(server)


async def test_a_queue_in_a_redis_that_takes_no_writes_is_opened_without_an_id(servers_own: Server) -> None:
    servers_own.client.set("{emp}:schema", SCHEMA)
    servers_own.client.execute_command("REPLICAOF", "127.0.0.1", "1")
    store = await open_store(servers_own.url)
    assert store.queue_id is None
    with pytest.raises(QueueUnavailable, match="has no id yet, and Redis takes no writes") as refused:
        _ = store.files_id
    assert refused.value.code == "storage_readonly"
    await store.close()


@pytest.fixture
def servers_own() -> Iterator[Server]:
    own = Server("valkey")
    yield own
    own.close()


async def test_an_id_that_names_another_place_is_refused(server: Server) -> None:
    server.client.set("{emp}:queue", "../../etc")
    with pytest.raises(Conflict, match="the id of the queue"):
        await open_store(server.url)
    server.client.delete("{emp}:queue")
