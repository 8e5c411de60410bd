"""What Redis may do to a caller, as one typed error each, with nothing half written."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Self

import pytest
from redis import exceptions

from emp_core.errors import AccessDenied, Conflict, Misconfigured, QueueUnavailable
from emp_core.store import Link, Store, open_store
from emp_core.store.cluster import SlotMoves
from emp_core.store.connection import check_server, open_link, translated
from emp_core.store.server import SCHEMA
from tests.support.builders import make_request, register, submit
from tests.support.redis_server import REDIS, Server, Servers
from tests.support.snapshot import Look, Snapshot
from tests.support.time_travel import end_lease, reap
from tests.support.waiting import PATIENCE_SECONDS, poll_until

# A full Redis.


async def test_r23_a_full_redis_refuses_a_submit_whole(store: Store, look: Look, full: Callable[[bool], None]) -> None:
    await register(store)
    await submit(store)
    before = look()
    full(True)
    for request in (make_request(), make_request(workflow_id="w", idempotency_key="k", customer_id="new")):
        with pytest.raises(QueueUnavailable) as refused:
            await store.broker.submit(request)
        assert refused.value.code == "storage_full"
    after = look()
    assert {name: entry.value for name, entry in after.entries.items()} == {
        name: entry.value for name, entry in before.entries.items()
    }


async def test_r23_all_else_goes_on(store: Store, look: Look, full: Callable[[bool], None]) -> None:
    worker = await register(store)
    jobs = [await submit(store) for _ in range(8)]
    full(True)
    assert await worker.complete(await worker.take(), result="x" * 1_000) == "ok"
    assert await worker.fail(await worker.take()) == "ok"
    claim = await worker.take()
    assert await worker.beat(claim) == ["ok"]
    assert await worker.report(claim, percent=5.0, lines=("line",)) == "ok"
    assert await worker.release(claim) == "ok"
    lost = (await worker.take()).job_id
    full(False)
    await end_lease(store, lost)
    full(True)
    assert await reap(store) == 1
    assert await store.broker.cancel(jobs[4]) == "cancelled"
    await store.broker.retry(jobs[4])
    await store.broker.hold(jobs[5])
    await store.broker.unhold(jobs[5])
    assert await store.broker.set_priority([jobs[6]], 90) == {jobs[6]: "ok"}
    await store.upkeep.patrol()
    await store.upkeep.review_fleet()
    assert await store.upkeep.delete([jobs[0]]) == [jobs[0]]
    assert jobs[0] not in set(look().ids("job:{job}"))
    assert (await store.search.page()).searched == 7


async def test_r23_a_worker_starts_and_stops_though_redis_is_full(
    store: Store, server: Server, full: Callable[[bool], None]
) -> None:
    await store.broker.submit_many([make_request(requirements={"gpu_memory_gb": n}) for n in range(1, 5)])
    full(True)
    again = await open_store(server.url)
    worker = await register(again, gpu_memory_gb=2)
    assert len(await worker.drain()) == 2
    await again.registry.steer(worker.id, (await again.inspector.worker(worker.id)).state.STOPPED)
    await again.close()


async def test_r23_submits_resume_with_the_space(store: Store, full: Callable[[bool], None]) -> None:
    await submit(store)
    full(True)
    with pytest.raises(QueueUnavailable):
        await submit(store)
    full(False)
    await submit(store)


# A Redis that is unavailable, or not ready. Each with a server of its own.


@pytest.fixture(params=[REDIS, "valkey"])
def own(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """Makes servers that a test may hurt."""
    made: list[Server] = []

    def make(**settings: str) -> Server:
        made.append(Server(request.param, settings={name.replace("_", "-"): value for name, value in settings.items()}))
        return made[-1]

    yield make
    for server in made:
        server.close()


async def _code(call: Awaitable[object]) -> str:
    with pytest.raises(QueueUnavailable) as refused:
        await call
    return refused.value.code


async def test_redis_away_is_said_and_work_goes_on_when_it_is_back(own: Callable[..., Server]) -> None:
    server = own(appendonly="yes", appendfsync="always")
    store = await open_store(server.url)
    worker = await register(store)
    job = await submit(store)
    server.kill()
    assert await _code(submit(store)) == "redis_unavailable"
    assert await _code(store.search.page()) == "redis_unavailable"
    assert await _code(open_store(server.url)) == "redis_unavailable"
    server.start()
    assert await worker.drain() == [job]
    await store.close()


async def test_a_redis_that_loads_is_not_ready(own: Callable[..., Server]) -> None:
    server = own()
    server.client.mset({f"key-{n}": "x" * 100 for n in range(5_000)})
    server.client.save()
    server.kill()
    server.settings |= {"key-load-delay": "4000", "loading-process-events-interval-bytes": "1024"}
    server.start(wait=False)
    poll_until(lambda: _is_loading(server), "a server that loads")
    assert await _code(open_store(server.url)) == "redis_unavailable"


def _is_loading(server: Server) -> bool:
    try:
        return bool(server.client.ping()) and False
    except exceptions.BusyLoadingError:
        return True
    except exceptions.ConnectionError:
        return False


async def test_a_redis_that_does_not_answer_is_given_up(server: Server) -> None:
    link = await open_link(server.url)
    await link.call("PING")
    link.patience = 0.05
    server.process.send_signal(signal.SIGSTOP)
    try:
        assert await _code(link.call("PING")) == "redis_unavailable"
    finally:
        server.process.send_signal(signal.SIGCONT)
    await link.close()


async def test_a_connection_that_takes_too_long_to_close_is_let_go_of(own: Callable[..., Server]) -> None:
    link = await open_link(own().url)
    await link.call("PING")
    (connection,) = link.client.connection_pool._available_connections
    connection.socket_connect_timeout = 0
    await link.close()
    assert not connection.is_connected


async def test_r24_a_redis_that_cannot_write_to_its_disk(own: Callable[..., Server]) -> None:
    server = own(save="3600 1")
    disk = server.directory / "disk"
    disk.mkdir()
    server.kill()
    server.settings["dir"] = str(disk)
    server.start()
    store = await open_store(server.url)
    worker = await register(store)
    job = await submit(store)
    disk.rmdir()
    server.client.execute_command("BGSAVE")
    poll_until(lambda: server.client.info("persistence")["rdb_last_bgsave_status"] == "err", "a save that fails")
    before = Snapshot(server.client, store.link.prefix)
    assert await _code(submit(store)) == "storage_readonly"
    assert await _code(worker.claim()) == "storage_readonly"
    assert await _code(store.broker.cancel(job)) == "storage_readonly"
    assert Snapshot(server.client, store.link.prefix).job(job) == before.job(job)
    assert (await store.inspector.job(job)).state == "pending"
    reader = await open_store(server.url)
    assert (await reader.search.page()).searched == 1
    await reader.close()
    server.client.config_set("stop-writes-on-bgsave-error", "no")
    assert await worker.drain() == [job]
    await store.close()


async def test_a_replica_takes_no_writes(own: Callable[..., Server]) -> None:
    server = own()
    store = await open_store(server.url)
    server.client.execute_command("REPLICAOF", "127.0.0.1", "1")
    assert await _code(submit(store)) == "redis_unavailable"
    await store.close()


async def test_a_wrong_password_is_a_setting(own: Callable[..., Server]) -> None:
    server = own()
    server.client.config_set("requirepass", "secret")
    for url in (server.url, f"unix://:wrong@{server.socket}"):
        with pytest.raises(AccessDenied):
            await open_store(url)
    store = await open_store(f"unix://:secret@{server.socket}")
    await store.close()


@pytest.mark.parametrize("database", ["99", "16"])
async def test_a_database_that_redis_does_not_have_is_a_setting(own: Callable[..., Server], database: str) -> None:
    with pytest.raises(Misconfigured, match="does not have the database that REDIS_URL names"):
        await open_store(f"unix://{own().socket}?db={database}")


async def test_a_cluster_has_no_databases(servers: Servers) -> None:
    cluster = servers.empty("cluster")
    with pytest.raises(Misconfigured, match="does not have the database that REDIS_URL names"):
        await open_store(f"unix://{cluster.socket}?db=1")


async def test_durability_is_named(own: Callable[..., Server]) -> None:
    on = {"appendonly": "yes"}
    denied = own(**on)
    denied.client.execute_command("ACL", "SETUSER", "emp", "on", ">secret", "~*", "+@all", "-config")
    for url, wanted in (
        (own().url, "memory"),
        *((own(**on, appendfsync=name).url, name.replace("no", "os")) for name in ("always", "everysec", "no")),
        (denied.url.replace("unix://", "unix://emp:secret@"), "unknown"),
        (own(**on, **{"rename-command CONFIG": "xyz"}).url, "unknown"),
    ):
        store = await open_store(url)
        await store.close()
        assert store.server.durability == wanted


# What is refused at the door.


async def test_an_evicting_redis_is_refused(server: Server) -> None:
    server.client.config_set("maxmemory", "1gb")
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(Misconfigured, match="allkeys-lru"):
            await open_store(server.url)
        server.client.config_set("maxmemory", "0")
        await (await open_store(server.url)).close()
    finally:
        server.client.config_set("maxmemory", "0")
        server.client.config_set("maxmemory-policy", "noeviction")


async def test_another_schema_is_refused(server: Server) -> None:
    server.client.set("{emp}:schema", "99")
    with pytest.raises(Misconfigured, match="schema 99"):
        await open_store(server.url)
    assert server.client.get("{emp}:schema") == b"99"


async def test_an_empty_redis_is_marked(server: Server) -> None:
    store = await open_store(server.url)
    assert server.client.get("{emp}:schema") == SCHEMA.encode()
    assert store.server.engine == server.program
    await store.close()


async def test_opening_asks_redis_about_itself_once_and_tells_it_nothing(server: Server) -> None:
    server.client.config_resetstat()
    await (await open_store(server.url)).close()
    stats = server.client.info("commandstats")
    assert stats["cmdstat_info"]["calls"] == 1
    assert [name for name in stats if "client" in name] == []


@pytest.mark.damages
async def test_another_prefix_is_another_queue(store: Store, server: Server) -> None:
    other = await open_store(server.url, "{other}:")
    job = await submit(store)
    assert await other.inspector.known([job]) == set()
    assert (await other.inspector.summary()).jobs["pending"] == 0
    await other.close()


@pytest.mark.parametrize("prefix", ["emp:", "{emp:", "emp}:", ""])
async def test_a_prefix_without_a_hash_tag_is_refused(prefix: str) -> None:
    with pytest.raises(Misconfigured, match="hash tag"):
        await open_link("redis://localhost", prefix)


class _Told:
    """A client that says of itself what the test told it."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        self._info = info

    def pipeline(self, *, transaction: bool) -> Self:
        return self

    def execute_command(self, *_: object) -> None:
        """The test knows what is asked: what the server is, and the schema."""

    async def execute(self, *, raise_on_error: bool) -> list[Any]:
        return [self._info, SCHEMA.encode()]


@pytest.mark.parametrize(
    ("info", "refused"),
    [
        ({"redis_version": "6.2.14"}, "redis 6.2.14 is too old"),
        ({"redis_version": "7.0.0"}, ""),
        ({"redis_version": "7.2.4", "valkey_version": "7.1.9"}, "valkey 7.1.9 is too old"),
        ({"redis_version": "7.2.4", "valkey_version": "8.0.1"}, ""),
        ({"redis_version": "10.0.0"}, ""),
    ],
)
async def test_a_redis_that_is_too_old_is_refused_in_one_line(info: Mapping[str, Any], refused: str) -> None:
    link = Link(_Told(info))
    if not refused:
        assert (await check_server(link)).durability == "memory"
        return
    with pytest.raises(QueueUnavailable, match=refused) as error:
        await check_server(link)
    assert error.value.code == "redis_too_old"
    assert "\n" not in str(error.value)


# Errors that cannot be had from a sound server.


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (exceptions.ResponseError("OOM command not allowed when used memory > 'maxmemory'."), "storage_full"),
        (exceptions.OutOfMemoryError("command not allowed"), "storage_full"),
        (exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"), "storage_readonly"),
        (
            exceptions.ResponseError("-MISCONF Errors writing to the AOF file: No space left on device"),
            "storage_readonly",
        ),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), "redis_unavailable"),
        (exceptions.MasterDownError("Link with MASTER is down"), "redis_unavailable"),
        (exceptions.ResponseError("LOADING Redis is loading the dataset in memory"), "redis_unavailable"),
        (exceptions.ResponseError("BUSY Redis is busy running a script"), "redis_unavailable"),
        (exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."), "redis_unavailable"),
        (exceptions.MovedError("42 127.0.0.1:7001"), "redis_unavailable"),
        (exceptions.ClusterError("TTL exhausted."), "redis_unavailable"),
        (exceptions.RedisClusterException("Redis Cluster cannot be connected"), "redis_unavailable"),
        (SlotMoves("42 127.0.0.1:7001"), "moving"),
        (exceptions.ResponseError("Script attempted to access a non local key in a cluster node"), "moving"),
        (exceptions.ClusterDownError("CLUSTERDOWN The cluster is down"), "redis_unavailable"),
        (exceptions.InvalidResponse("Protocol Error"), "redis_unavailable"),
        (exceptions.TimeoutError("slow"), "redis_unavailable"),
        (TimeoutError(), "redis_unavailable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_each_error_has_its_code(error: Exception, code: str) -> None:
    with pytest.raises(QueueUnavailable) as refused, translated():
        raise error
    assert refused.value.code == code


def test_what_is_nobodys_fault_is_not_hidden() -> None:
    with pytest.raises(exceptions.ResponseError), translated():
        raise exceptions.ResponseError("ERR unknown command")


@pytest.mark.parametrize("end", [b"an answer", exceptions.TimeoutError()])
async def test_a_cancel_that_the_client_swallows_is_not_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch, end: bytes | Exception
) -> None:
    begun = asyncio.Event()

    async def deaf(*_: object) -> bytes:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        if isinstance(end, Exception):
            raise end
        return end

    monkeypatch.setattr(store.link.client, "execute_command", deaf)
    call = asyncio.create_task(store.link.call("GET", "x"))
    await begun.wait()
    call.cancel()
    await asyncio.wait([call], timeout=PATIENCE_SECONDS)
    assert call.cancelled()


@pytest.mark.damages
async def test_a_key_of_another_type_is_a_damaged_record(store: Store) -> None:
    job = await submit(store)
    await store.link.call("SET", store.link.key("counts"), "x")
    with pytest.raises(Conflict, match="damaged"):
        await store.broker.cancel(job)
    await store.link.call("DEL", store.link.key(f"job:{job}"))
    await store.link.call("SET", store.link.key(f"job:{job}"), "x")
    assert (await store.inspector.job(job)).state is None
