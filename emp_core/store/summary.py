"""`Summary`: the queue in numbers, as one read of it found them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emp_core.domain.states import ENDED, OPEN
from emp_core.domain.worker import Worker
from emp_core.store.codec import fields_of
from emp_core.store.connection import Link
from emp_core.store.memory import Memory, read_memory
from emp_core.store.oldest import oldest_pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The queue at a glance."""

    jobs: Mapping[str, int]
    """State -> jobs."""

    workers: Mapping[str, int]
    """State -> live workers."""

    slots: int
    busy_slots: int
    classes_waiting: int
    unworkable_jobs: int
    held: int
    """Of the delayed ones."""

    oldest_pending_ms: int | None
    """How long ago the oldest pending job took its place: it was submitted, fell due, or was retried by hand."""

    at: int
    """ms since 1970, Redis TIME."""

    services: Mapping[str, int] = field(default_factory=dict[str, int])
    """Service -> live workers that have it up."""

    memory: Memory | None = None
    """None: read from a hub, whose /health has it."""

    oldest_pending_exact: bool = True
    """False: so many classes wait that not all jobs were looked at, and an older one may be among the rest."""


async def read_summary(link: Link, workers: Sequence[Worker], at: int, at_most: int) -> Summary:
    """Read the numbers beside the live workers; counts the jobs of `at_most` unworkable classes."""
    states = [worker.state for worker in workers]
    unworkable = await link.call("SRANDMEMBER", link.key("classes.unworkable"), at_most)
    waiting = await link.read_many([("ZCARD", link.key(f"jobs:pending:{name.decode()}")) for name in unworkable])
    since, exact = await oldest_pending(link)
    up = [name for worker in workers for name, state in worker.services.items() if state == "up"]
    return Summary(
        jobs=await numbers(link),
        workers={state: states.count(state) for state in sorted(set(states))},
        slots=sum(worker.slots for worker in workers),
        busy_slots=sum(len(worker.active) for worker in workers),
        classes_waiting=await link.call("ZCARD", link.key("heads")),
        unworkable_jobs=sum(waiting),
        held=await link.call("ZCARD", link.key("held")),
        memory=await read_memory(link),
        oldest_pending_ms=None if since is None else max(0, at - int(since)),
        oldest_pending_exact=exact,
        at=at,
        services={name: up.count(name) for name in sorted(set(up))},
    )


async def numbers(link: Link) -> dict[str, int]:
    """State -> number of its jobs."""
    lists = ("timeouts", "leases", *(f"jobs:{state}" for state in ENDED))
    reads = [("HGETALL", link.key("counts")), *(("ZCARD", link.key(name)) for name in lists)]
    waiting, active, running, *ended = await link.read_many(reads)
    numbers = {state: int(count) for state, count in fields_of(waiting).items()}
    numbers |= {"active": active, "cancelling": running - active, **dict(zip(ENDED, ended, strict=True))}
    return {state: numbers.get(state, 0) for state in (*OPEN, *ENDED)}
