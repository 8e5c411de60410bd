"""`Readings`: what the doctor looks at, read once; it changes nothing, and goes on where a queue may not be used."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emp_core.clock import Clock
from emp_core.domain.states import ENDED, RUNNING
from emp_core.domain.worker import Worker
from emp_core.store.connection import DAMAGED, Link, appendfsync_of, queue_id_of
from emp_core.store.fleet import read_workers, worker_names
from emp_core.store.keys import KEYS, Key
from emp_core.store.memory import Memory, read_memory
from emp_core.store.server import SCHEMA
from emp_core.store.summary import numbers

PINGS = 100
PING_SECONDS = 1.0
"""A server that is far away gets fewer pings."""

LEASES_AT_MOST = 1_000
CLASSES_AT_MOST = 1_000
SAMPLE = 40
"""Jobs of each kind that are weighed."""

PATIENCE_MS = 15_000
"""What time does to jobs is late if it was due longer ago: hubs look each second, and beats of workers help."""

_LENGTHS = {"hash": "HLEN", "list": "LLEN", "set": "SCARD", "zset": "ZCARD", "stream": "XLEN"}
_PARTS = ("job", "job.payload", "job.result", "job.log", "job.attempts", "job.events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A key of the queue that is no job's."""

    key: Key
    length: int
    memory: int
    """Bytes."""

    damaged: bool = False
    """It has another type than it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What the jobs of one kind take, from a sample."""

    jobs: int
    mean: int
    """Bytes."""

    largest: str
    """The largest job of the sample."""

    largest_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in the queue."""

    memory: Memory
    jobs: Mapping[str, int]
    """State -> jobs."""

    workers: Sequence[Worker]
    """The live ones."""

    lost: Sequence[str]
    overdue: Mapping[str, int]
    """What waits for a hub to attend to it -> how many."""

    orphans: Sequence[str]
    """Jobs with a lease that are not running, or are not there."""

    indexing: bool
    """Jobs of an earlier version are not all listed for filters yet."""

    unworkable_classes: int
    unworkable_jobs: int
    quarantine: Mapping[str, str]
    """Damaged job -> what was wrong; some of them."""

    quarantined: int
    weights: Mapping[str, Weight]
    """Kind of jobs -> what they take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What the doctor looks at."""

    prefix: str
    queue_id: str | None
    """None: it has none yet."""

    info: Mapping[str, Any]
    """What the server says of itself: INFO."""

    appendfsync: str | None
    """When it writes its append-only file to the disk; None: it does not say."""

    schema: str | None
    """The layout's version; None: nothing was stored yet."""

    pings_ms: Sequence[float]
    clock_ahead_ms: int
    """How far this machine's clock is ahead of Redis's."""

    at: int
    """ms since 1970, Redis TIME."""

    sizes: Sequence[Size]
    contents: Contents | None
    """None if they cannot be read: another version wrote them, or a key is damaged."""


async def read_state(link: Link, clock: Clock) -> Readings:
    """Some thirty round trips beside the pings, however many jobs there are. Raises `QueueUnavailable`."""
    info = await link.info("default")
    found = await link.call("GET", link.key("schema"))
    schema = None if found is None else found.decode("utf-8", "replace")
    pings = await _pings(link, clock)
    at, ahead = await _clocks(link, clock)
    sizes = await _sizes(link)
    is_legible = schema in (None, SCHEMA) and not any(size.damaged for size in sizes)
    return Readings(
        prefix=link.prefix,
        queue_id=await queue_id_of(link, writes=False),
        info=info,
        appendfsync=await appendfsync_of(link, info),
        schema=schema,
        pings_ms=pings,
        clock_ahead_ms=ahead,
        at=at,
        sizes=sizes,
        contents=await _contents(link, at) if is_legible else None,
    )


async def _contents(link: Link, at: int) -> Contents:
    workers = await read_workers(link, await worker_names(link, gone=True))
    live = await worker_names(link)
    jobs = await numbers(link)
    unworkable, waiting = await _unworkable(link)
    quarantined, quarantine = await _quarantine(link)
    return Contents(
        memory=await read_memory(link),
        jobs=jobs,
        workers=[worker for worker in workers if worker.id in live],
        lost=[worker.id for worker in workers if worker.state == "lost" and worker.id not in live],
        overdue=await _overdue(link, at - PATIENCE_MS),
        orphans=await _orphans(link),
        indexing=bool(await link.call("EXISTS", link.key("indexing"))),
        unworkable_classes=unworkable,
        unworkable_jobs=waiting,
        quarantined=quarantined,
        quarantine=quarantine,
        weights=await _weights(link, jobs),
    )


async def _pings(link: Link, clock: Clock) -> list[float]:
    """The ms of each."""
    times: list[float] = []
    give_up_at = clock.monotonic() + PING_SECONDS
    while len(times) < PINGS and (not times or clock.monotonic() < give_up_at):
        began = clock.monotonic()
        await link.call("PING")
        times.append((clock.monotonic() - began) * 1000)
    return times


async def _clocks(link: Link, clock: Clock) -> tuple[int, int]:
    """Redis's time, and how far this machine's is ahead of it; half of the round trip is the answer's."""
    before = clock.now_ms()
    seconds, micros = await link.call("TIME")
    after = clock.now_ms()
    at = int(seconds) * 1000 + int(micros) // 1000
    return at, (before + after) // 2 - at


async def _overdue(link: Link, since: int) -> dict[str, int]:
    lists = {
        "leases that ended": "leases",
        "delayed jobs that are due": "delayed",
        "waiting jobs past their deadline": "expiry",
        "classes that nobody judged": "classes.unjudged",
    }
    counts = await link.read_many([("ZCOUNT", link.key(name), "-inf", since) for name in lists.values()])
    return dict(zip(lists, counts, strict=True))


async def _orphans(link: Link) -> list[str]:
    """Looked at twice: a job may end between the two reads of the first look."""
    leased = await link.call("ZRANGE", link.key("leases"), 0, LEASES_AT_MOST - 1)
    suspects = await _not_running(link, [name.decode("utf-8", "replace") for name in leased])
    still = await link.read_many([("ZSCORE", link.key("leases"), job_id) for job_id in suspects])
    return await _not_running(link, [job_id for job_id, at in zip(suspects, still, strict=True) if at is not None])


async def _not_running(link: Link, job_ids: Sequence[str]) -> list[str]:
    states = await link.read_many([("HGET", link.key(f"job:{job_id}"), "state") for job_id in job_ids])
    running = {state.value.encode() for state in RUNNING}
    return [job_id for job_id, state in zip(job_ids, states, strict=True) if state not in running]


async def _unworkable(link: Link) -> tuple[int, int]:
    """The classes that no live worker fits and that have waiting jobs, and how many jobs wait in them."""
    names = await link.call("SRANDMEMBER", link.key("classes.unworkable"), CLASSES_AT_MOST)
    counts = await link.read_many([("ZCARD", link.key(f"jobs:pending:{name.decode()}")) for name in names])
    found = [count for count in counts if count is not DAMAGED and count]
    return len(found), sum(found)


async def _quarantine(link: Link) -> tuple[int, dict[str, str]]:
    count = await link.call("HLEN", link.key("quarantine"))
    flat = await link.call("HRANDFIELD", link.key("quarantine"), 3, "WITHVALUES")
    words = [word.decode("utf-8", "replace") for word in flat]
    return count, dict(zip(words[::2], words[1::2], strict=True))


async def _sizes(link: Link) -> list[Size]:
    """The queue's own keys that exist, the largest first."""
    rows = [row for row in KEYS if not row.owner and row.type in _LENGTHS]
    lengths = await link.read_many([(_LENGTHS[row.type], link.key(row.name)) for row in rows])
    memory = await link.read_many([("MEMORY", "USAGE", link.key(row.name)) for row in rows])
    found = [
        Size(key=row, length=0 if length is DAMAGED else length, memory=taken, damaged=length is DAMAGED)
        for row, length, taken in zip(rows, lengths, memory, strict=True)
        if taken
    ]
    return sorted(found, key=lambda size: size.memory, reverse=True)


async def _weights(link: Link, jobs: Mapping[str, int]) -> dict[str, Weight]:
    heads = await link.call("ZRANDMEMBER", link.key("heads"), 4)
    pending = [(f"jobs:pending:{name.decode()}", SAMPLE // 4) for name in heads]
    lists = {"pending": pending, "active": [("leases", SAMPLE)]}
    lists |= {state.value: [(f"jobs:{state}", SAMPLE)] for state in ENDED}
    found: dict[str, Weight] = {}
    for kind, places in lists.items():
        weight = await _weight(link, places, jobs.get(kind, 0))
        if weight is not None:
            found[kind] = weight
    return found


async def _weight(link: Link, places: Sequence[tuple[str, int]], count: int) -> Weight | None:
    drawn = await link.read_many([("ZRANDMEMBER", link.key(name), number) for name, number in places])
    ids = [name.decode("utf-8", "replace") for names in drawn if names is not DAMAGED for name in names]
    parts = [("MEMORY", "USAGE", link.key(f"{part}:{job_id}")) for job_id in ids for part in _PARTS]
    taken = [int(size or 0) for size in await link.read_many(parts)]
    weights = [sum(taken[start : start + len(_PARTS)]) for start in range(0, len(taken), len(_PARTS))]
    if not weights:
        return None
    largest = max(range(len(weights)), key=weights.__getitem__)
    return Weight(
        jobs=count, mean=round(statistics.mean(weights)), largest=ids[largest], largest_bytes=weights[largest]
    )
