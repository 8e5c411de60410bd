"""The one place that builds a Redis client, and that turns its errors into emp's."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

import redis.asyncio as redis_asyncio
from redis import exceptions
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.connection import HiredisRespSerializer

from emp_core.domain.values import shown
from emp_core.errors import AccessDenied, Conflict, Misconfigured, QueueUnavailable
from emp_core.ids import is_id, new_job_id
from emp_core.store.cluster import QueueCluster, is_moving, moving, not_asking
from emp_core.store.coalescing import AT_ONCE, Coalescer
from emp_core.store.functions import Functions, Loaded, loaded_of
from emp_core.store.pool import close_when_idle
from emp_core.store.sentinel import sentinel_client
from emp_core.store.server import SCHEMA, UPGRADED, Server, evicting, other_schema, server_of, too_old
from emp_core.store.steps import Steps

DEFAULT_PREFIX = "{emp}:"
ANSWER_SECONDS = 10.0
BLOCK_SECONDS = 20

T = TypeVar("T")

MAX_CONNECTIONS = 16
"""How many connections to Redis a link opens at most."""

_NOT_READY = (
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.MasterDownError,
    exceptions.MovedError,  # a cluster that rearranges itself for longer than the client follows
)
_OUT_OF_REACH = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ClusterError,
    exceptions.RedisClusterException,  # no node answers, or none has the slot
)
_NO_DATABASE = ("DB index", "invalid DB index", "SELECT is not allowed")
"""How Redis refuses the number of a database."""


def build_client(url: str, prefix: str, *, blocking: bool = False, max_connections: int = MAX_CONNECTIONS) -> Any:
    """A redis-py client for redis, rediss, unix, redis+sentinel and redis+cluster URLs.

    `prefix` is that of the queue's keys; it says which node of a cluster has them.

    It waits for an answer without end: `Link` has the limit. redis-py's own, `socket_timeout`, goes through
    `asyncio.wait_for`, which on Python 3.11 now and then swallows a cancellation.
    """
    options: dict[str, Any] = {
        "socket_timeout": None,
        "socket_connect_timeout": 3,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1), 0 if blocking else 3),
        "protocol": 2,
        "max_connections": max_connections,
        "driver_info": None,  # redis-py would read its package's metadata for each connection, and Redis 7.0 refuses it
    }
    parts = urlsplit(url)
    if parts.scheme == "redis+cluster":
        return _sturdy(QueueCluster.from_url(urlunsplit(parts._replace(scheme="redis")), prefix=prefix, **options))
    if parts.scheme == "redis+sentinel":
        return _sturdy(sentinel_client(url, options))
    return _sturdy(redis_asyncio.Redis.from_url(url, **options))


def _sturdy(client: Any) -> Any:
    """The client, with its connections mended; on a cluster those of nodes that it finds later too."""
    if isinstance(client, QueueCluster):
        kind = not_asking(_mended(client.connection_kwargs["connection_class"]))
        client.connection_kwargs["connection_class"] = kind
        for node in client.startup_nodes:
            node.connection_class = kind
    else:
        pool = client.connection_pool
        pool.connection_class = _mended(pool.connection_class)
    return client


def _mended(kind: Any) -> Any:
    """A connection that lets hiredis put commands together, as redis-py's blocking ones do, survives a reset, and
    closes when nobody uses it.

    One that was reset while it was idle looks sound to redis-py, and uvloop refuses the next write with a
    `RuntimeError`, which nobody takes for a lost connection.
    """

    async def send_packed_command(self: Any, command: Any, check_health: bool = True) -> None:
        close_when_idle(self)
        try:
            await kind.send_packed_command(self, command, check_health)
        except RuntimeError as error:
            raise exceptions.ConnectionError(f"the connection is gone: {error}") from error

    methods = {"pack_command": staticmethod(HiredisRespSerializer().pack), "send_packed_command": send_packed_command}
    return type("Mended", (kind,), methods)


class Damaged:
    """Stands for what a key should have held that is of another type."""


DAMAGED = Damaged()

WRONG_TYPE = "a record in Redis is damaged: its key has another type"


def undamaged(answer: Any) -> Any:
    """An answer of `read_many` whose key must have the right type. Raises `Conflict`."""
    if answer is DAMAGED:
        raise Conflict(WRONG_TYPE)
    return answer


def _sound(answer: Any) -> Any:
    if isinstance(answer, exceptions.ResponseError) and str(answer).startswith("WRONGTYPE"):
        return DAMAGED
    if isinstance(answer, Exception):
        raise answer
    return answer


@dataclass(slots=True)
class Link:
    """A client and a key prefix: everything in the store goes through one of these."""

    client: Any
    prefix: str = DEFAULT_PREFIX
    patience: float = ANSWER_SECONDS
    """Seconds that a call may take, with its repetitions and its wait for a connection."""

    connections: int = MAX_CONNECTIONS
    """The calls that Redis works on at once; further ones wait."""

    functions: Functions = field(init=False)
    _coalesces: bool = field(init=False)
    """Calls travel together; on a cluster each goes its own way."""

    _free: asyncio.Semaphore = field(init=False)
    _heard_at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._coalesces = isinstance(self.client, redis_asyncio.Redis)
        caller = Coalescer(self.client, lambda: self.patience) if self._coalesces else self.client
        self.functions = Functions(self.client, caller)
        self._free = asyncio.Semaphore(self.connections - AT_ONCE if self._coalesces else self.connections)

    def heard_since(self, moment: float) -> bool:
        """Whether Redis has answered any call of this link since a moment of the loop's clock."""
        return self._heard_at > moment

    def key(self, name: str) -> str:
        """The full name of a key."""
        return self.prefix + name

    async def run(self, name: str, rest: Sequence[Sequence[str | bytes]] = (), **arguments: Any) -> Any:
        """Run a function of the library. Raises `QueueUnavailable`."""
        if not self._coalesces:
            async with self._connection():
                return await self.functions.call(name, self.key("schema"), rest, arguments)
        with translated(), _cancels_kept():
            async with asyncio.timeout(self.patience):
                answer = await self.functions.call(name, self.key("schema"), rest, arguments)
        self._heard_at = asyncio.get_running_loop().time()
        return answer

    async def libraries(self) -> list[Loaded]:
        """emp's libraries of functions on the server. Raises `QueueUnavailable`."""
        return loaded_of(await self.call("FUNCTION LIST"))

    async def drop_library(self, name: str) -> None:
        """Drop a library of functions; who needs it loads it again. Raises `QueueUnavailable`."""
        await self.call("FUNCTION DELETE", name)

    async def call(self, command: str, *arguments: Any) -> Any:
        """Run one command. Raises `QueueUnavailable`."""
        async with self._connection():
            return await self.client.execute_command(command, *arguments)

    async def read_many(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Run reads in one round trip; not a transaction. A key of another type reads as `DAMAGED`."""
        if not commands:
            return []
        pipeline = self.client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        async with self._connection():
            return [_sound(answer) for answer in await pipeline.execute(raise_on_error=False)]

    async def follow(self, steps: Steps[T]) -> T:
        """Carry out a read of several round trips."""
        try:
            commands = next(steps)
            while True:
                commands = steps.send(await self.read_many(commands))
        except StopIteration as end:
            return cast(T, end.value)

    async def scan(self, kind: str, count: int) -> AsyncIterator[list[str]]:
        """The ids in the names of all keys that begin so, some at a time. Raises `QueueUnavailable`."""
        literal = self.key(kind)
        pattern = re.sub(r"([\[\]*?\\^])", r"\\\1", literal) + "*"
        cursor = None
        while cursor != 0:
            cursor, names = await self.call("SCAN", cursor or 0, "MATCH", pattern, "COUNT", count)
            for start in range(0, len(names), count):
                yield [name.decode().removeprefix(literal) for name in names[start : start + count]]

    async def info(self, section: str) -> dict[str, Any]:
        """What the server says of itself. Raises `QueueUnavailable`."""
        found: dict[str, Any] = await self.call("INFO", section)
        return found

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[None]:
        """Wait for a free connection, and use it. Raises `QueueUnavailable` when both together take too long."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self.patience
        with translated(), _cancels_kept():
            try:
                async with asyncio.timeout_at(give_up_at):
                    await self._free.acquire()
            except TimeoutError:
                # A Redis that answered others meanwhile is not to blame.
                if self.heard_since(give_up_at - self.patience / 2):
                    raise busy(f"all {self.connections} connections to Redis are in use") from None
                raise
            try:
                async with asyncio.timeout_at(give_up_at):
                    yield
                self._heard_at = loop.time()
            except TimeoutError:
                if isinstance(self.client, QueueCluster):
                    self.client.look_again()
                raise
            finally:
                self._free.release()

    async def close(self) -> None:
        """Let go of the connections."""
        # redis-py complains of one that took 3 s to close, as where the machine stood still; it is closed all the same.
        with contextlib.suppress(exceptions.TimeoutError):
            await self.client.aclose()


def busy(what: str) -> QueueUnavailable:
    """Redis answers, and yet a call had to wait for too long."""
    return QueueUnavailable("queue_busy", what, hint="repeat the call later, or raise REDIS_MAX_CONNECTIONS")


async def open_link(url: str, prefix: str = DEFAULT_PREFIX, max_connections: int = MAX_CONNECTIONS) -> Link:
    """Connect. The link is not checked; see `check_server`."""
    if "{" not in prefix or "}" not in prefix.partition("{")[2]:
        raise Misconfigured(f"EMP_KEY_PREFIX: {prefix!r} has no hash tag", hint="write it as {name}:")
    return Link(build_client(url, prefix, max_connections=max_connections), prefix, connections=max_connections)


async def check_server(link: Link, *, upgrade: bool = False, writes: bool = True) -> Server:
    """Refuse a server that cannot keep the contract, in one clear line; mark an empty one with the schema.

    `upgrade` raises the schema of a queue that an earlier version wrote. Without `writes` nothing is marked.
    """
    # A Redis that is too old takes only one section a call.
    info, found = await link.read_many([("INFO", "default"), ("GET", link.key("schema"))])
    schema = SCHEMA if found is None and not writes else await _schema_of(link, undamaged(found))
    if schema in UPGRADED and upgrade:
        schema = (await link.run("raise_schema", before=schema, after=SCHEMA)).decode()
    for refusal in (too_old(info), other_schema(schema, link.prefix), evicting(info)):
        if refusal is not None:
            raise refusal
    return server_of(info, await appendfsync_of(link, info))


async def appendfsync_of(link: Link, info: Mapping[str, Any]) -> str | None:
    """When Redis writes its append-only file to the disk; None if it has none, or does not tell this user."""
    if not int(info.get("aof_enabled", 0)):
        return None
    try:
        found: dict[str, str] = await link.call("CONFIG GET", "appendfsync")
    except (AccessDenied, exceptions.ResponseError):  # no permission, or a service that has no CONFIG
        return None
    return found.get("appendfsync")


async def queue_id_of(link: Link, *, writes: bool = True) -> str | None:
    """The queue's own id, drawn when it is first asked for; None if it has none and may not be given one."""
    found = await link.call("GET", link.key("queue"))
    if found is None and not writes:
        return None
    if found is None:
        try:
            found = await link.run("name_queue", id=new_job_id())
        except (QueueUnavailable, AccessDenied):
            return None
    name = str(found.decode("utf-8", "replace"))
    if not is_id(name):
        raise Conflict(f"the id of the queue in {link.key('queue')} is damaged: {shown(name)}")
    return name


async def check_writes(link: Link) -> None:
    """Try a write that changes nothing: a full or a read-only server refuses it. Raises `QueueUnavailable`."""
    await link.call("SET", link.key("schema"), SCHEMA, "NX")


async def _schema_of(link: Link, found: bytes | None) -> str:
    """A full Redis takes no write, but who only reads, settles or deletes must still come in."""
    if found is None:
        await link.call("SET", link.key("schema"), SCHEMA, "NX")
        found = await link.call("GET", link.key("schema"))
    return str(found.decode())


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Redis's errors as emp's: what happened, and that nothing was half written."""
    try:
        yield
    except _NOT_READY as error:
        raise QueueUnavailable("redis_unavailable", f"Redis is not ready: {error}") from error
    except exceptions.OutOfMemoryError as error:
        raise _storage_full() from error
    except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
        raise _denied(error) from error
    except exceptions.InvalidResponse as error:
        raise QueueUnavailable("redis_unavailable", f"the server at that address is not Redis: {error}") from error
    except TimeoutError as error:
        raise QueueUnavailable("redis_unavailable", "Redis does not answer") from error
    except _OUT_OF_REACH as error:
        if isinstance(error.__cause__, exceptions.AuthenticationError):
            raise _denied(error) from error
        if str(error).startswith(_NO_DATABASE):
            raise _no_database(error) from error
        raise QueueUnavailable("redis_unavailable", f"cannot reach Redis: {error}") from error
    except exceptions.ResponseError as error:
        raise _from_response(error) from error


@contextlib.contextmanager
def _cancels_kept() -> Iterator[None]:
    """On Python 3.11 `asyncio.wait_for`, which the client sends with, may swallow a cancel."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


def _no_database(error: Exception) -> Misconfigured:
    return Misconfigured(f"Redis does not have the database that REDIS_URL names: {error}", hint="use database 0: /0")


def _denied(error: Exception) -> AccessDenied:
    return AccessDenied(f"Redis refuses the user or password: {error}", hint="see REDIS_URL")


def _storage_full() -> QueueUnavailable:
    return QueueUnavailable("storage_full", "Redis is full (maxmemory); nothing was stored", hint="raise maxmemory")


def _from_response(error: exceptions.ResponseError) -> Exception:
    text = str(error)
    if text.startswith("OOM") or "-OOM" in text:
        return _storage_full()
    if text.startswith("MISCONF") or "-MISCONF" in text:
        return QueueUnavailable("storage_readonly", f"Redis cannot write to its disk: {text}", hint="free disk space")
    if text.startswith(("BUSY ", "READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS")):
        return QueueUnavailable("redis_unavailable", f"Redis is not ready: {text}")
    if text.startswith(_NO_DATABASE):
        return _no_database(error)
    if is_moving(error):
        return moving()
    if "WRONGTYPE" in text:
        return Conflict(WRONG_TYPE)
    return error
