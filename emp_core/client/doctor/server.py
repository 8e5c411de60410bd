"""Checks of the Redis that holds the queue."""

import statistics
from collections.abc import Iterator

from emp_core.client.doctor.check import Check, count, fail, ok, warn
from emp_core.domain.durations import duration
from emp_core.domain.sizes import size
from emp_core.errors import EmpError
from emp_core.store.memory import Memory
from emp_core.store.readings import Readings
from emp_core.store.server import evicting, server_of, too_old

FULL = 0.95
"""The share of maxmemory above which submits are about to be refused."""

SLOW_MS = 5.0
"""A call of the median; a worker makes several for each job."""

CONNECTIONS_OF_A_WORKER = 4
"""For calls, for wake-ups and for beats; one to spare."""

CONNECTIONS_OF_A_HUB = 16
CLOCK_OFF_MS = 2_000


def check_server(found: Readings) -> Iterator[Check]:
    """All of them."""
    yield _version(found)
    yield _durability(found)
    yield _eviction(found)
    if found.contents is not None:
        yield _memory(found.contents.memory, int(found.info.get("total_system_memory", 0)))
    yield _connections(found)
    yield _latency(found)
    yield check_clock("clock", "this machine", found.clock_ahead_ms)


def check_clock(name: str, whose: str, ahead_ms: int) -> Check:
    """A clock beside Redis's, which decides; due times and deadlines that people give are read by their own."""
    off = f"the clock of {whose} is {duration(abs(ahead_ms) / 1000)} {'ahead of' if ahead_ms > 0 else 'behind'} Redis's"
    if abs(ahead_ms) <= CLOCK_OFF_MS:
        return ok(name, f"the clock of {whose} agrees with Redis's")
    return warn(name, off, f"on {whose}: timedatectl set-ntp true")


def refused(name: str, refusal: EmpError) -> Check:
    """A refusal as a check."""
    return fail(name, refusal.message, refusal.hint)


def _version(found: Readings) -> Check:
    old = too_old(found.info)
    server = server_of(found.info, found.appendfsync)
    if old is not None:
        return fail("redis", old.message, "upgrade the server, or start the embedded one: emp hub start")
    return ok("redis", f"{server.engine} {server.version}")


def _durability(found: Readings) -> Check:
    info = found.info
    if int(info.get("loading", 0)):
        return warn("durability", "Redis is still loading its data", "wait, then run emp doctor again")
    durability = server_of(info, found.appendfsync).durability
    if durability == "memory":
        return warn(
            "durability",
            "no append-only file: a restart of Redis loses the queue",
            "redis-cli CONFIG SET appendonly yes, and the same in redis.conf",
        )
    if info.get("aof_last_write_status", "ok") != "ok" or info.get("aof_last_bgrewrite_status", "ok") != "ok":
        return fail("durability", "Redis cannot write its append-only file", "free disk space on the machine of Redis")
    if durability == "os":
        return warn(
            "durability",
            "appendfsync no: a power cut loses what the system has not written to the disk yet",
            "redis-cli CONFIG SET appendfsync everysec, and the same in redis.conf",
        )
    return ok("durability", f"the append-only file is on ({durability})")


def _eviction(found: Readings) -> Check:
    refusal = evicting(found.info)
    if refusal is not None:
        return refused("eviction", refusal)
    policy = found.info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return warn(
            "eviction",
            f"maxmemory-policy is {policy}: Redis would evict jobs if it had a maxmemory",
            "redis-cli CONFIG SET maxmemory-policy noeviction",
        )
    return ok("eviction", "Redis evicts no keys (noeviction)")


def _memory(memory: Memory, machine: int) -> Check:
    """`machine` is what its machine has; 0 if it does not say."""
    if memory.share > FULL:
        return fail("memory", memory.sentence(), _room(memory.used))
    if memory.is_crowded:
        return warn("memory", memory.sentence(), _room(memory.used))
    limit = memory.limit or machine
    lower = f"redis-cli CONFIG SET maxmemory {machine * 3 // 4}"
    if machine and memory.limit > machine:
        return warn("memory", f"maxmemory {size(memory.limit)} is more than the machine has ({size(machine)})", lower)
    if not memory.limit and machine and memory.used > machine / 2:
        used = f"Redis has used {size(memory.used)} of the machine's {size(machine)}, and has no maxmemory"
        return warn("memory", used, lower)
    of = f"of {size(limit)}{'' if memory.limit else ' that the machine has'}" if limit else "and has no maxmemory"
    fill = f"{count(memory.waiting, 'job')} waiting, {count(memory.recent + memory.older, 'job')} ended"
    return ok("memory", f"{size(memory.used)} used {of}: {fill}")


def _room(used: int) -> str:
    return f"redis-cli CONFIG SET maxmemory {used * 2}; or delete ended jobs: emp job delete --where status:completed"


def _connections(found: Readings) -> Check:
    most, now = int(found.info.get("maxclients", 0)), int(found.info.get("connected_clients", 0))
    workers = len(found.contents.workers) if found.contents else 0
    needed = workers * CONNECTIONS_OF_A_WORKER + CONNECTIONS_OF_A_HUB
    fleet = f"{count(workers, 'worker')} and a hub need {needed:,}"
    text = f"{count(now, 'connection')} of at most {most:,} (maxclients); {fleet}"
    fix = f"redis-cli CONFIG SET maxclients {max(10_000, 2 * max(now, needed))}"
    if most and needed > most:
        return fail("connections", text, fix)
    if most and max(now, needed) > 0.8 * most:
        return warn("connections", text, fix)
    return ok("connections", text)


def _latency(found: Readings) -> Check:
    median, worst = statistics.median(found.pings_ms), max(found.pings_ms)
    text = f"{count(len(found.pings_ms), 'ping')}: median {median:.1f} ms, slowest {worst:.1f} ms"
    if median > SLOW_MS:
        return warn("latency", text, "redis-cli --latency; run the hub and the workers nearer to Redis")
    return ok("latency", text)
