"""`Summary`: the queue in numbers, as one read of it found them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from emp_core.domain.states import ENDED, OPEN
from emp_core.domain.worker import Worker
from emp_core.store.codec import fields_of
from emp_core.store.connection import Link, undamaged
from emp_core.store.fleet import fleet_steps
from emp_core.store.memory import Memory, memory_steps
from emp_core.store.oldest import oldest_steps
from emp_core.store.steps import Steps, abreast

if TYPE_CHECKING:
    from emp_core.domain.backlog import Backlog

T = TypeVar("T")


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
    """How long ago the oldest pending job took its place: it was submitted, fell due, or was retried by hand.

    None: no job is pending, or nobody looked for it."""

    at: int
    """ms since 1970, Redis TIME."""

    services: Mapping[str, int] = field(default_factory=dict[str, int])
    """Service -> live workers that have it up."""

    memory: Memory | None = None
    """None: read from a hub, whose /health has it."""

    oldest_pending_exact: bool = True
    """False: so many classes wait that not all jobs were looked at, and an older one may be among the rest."""

    unworkable_exact: bool = True
    """False: so many classes are unworkable that not the jobs of all were counted; there are more."""

    def with_oldest(self, backlog: "Backlog") -> "Summary":
        """With the oldest pending job that a backlog found; it may have been read before."""
        if backlog.oldest_at is None or not self.jobs["pending"]:
            return self
        waited = max(0, self.at - backlog.oldest_at)
        return replace(self, oldest_pending_ms=waited, oldest_pending_exact=backlog.exact)


def summary_steps(
    link: Link, at_most: int, workers: Sequence[Worker] | None = None, *, oldest: bool = True
) -> Steps[Summary]:
    """The queue at a glance; counts the jobs of `at_most` unworkable classes.

    It takes three round trips, and more if one class has jobs of several priorities. `workers`: the live ones, if they
    were read already. Without `oldest` nobody looks for the oldest pending job, which takes most of the reads.
    """
    answers = yield from abreast(
        _steps_of(workers) if workers is not None else fleet_steps(link, capabilities=False),
        number_steps(link),
        _line_steps(link, at_most),
        memory_steps(link),
        oldest_steps(link) if oldest else _steps_of((None, True)),
    )
    fleet: Sequence[Worker] = answers[0]
    jobs, line, memory, (since, exact) = answers[1:]
    states = [worker.state for worker in fleet]
    up = [name for worker in fleet for name, state in worker.services.items() if state == "up"]
    return Summary(
        jobs=jobs,
        workers={state: states.count(state) for state in sorted(set(states))},
        slots=sum(worker.slots for worker in fleet),
        busy_slots=sum(len(worker.active) for worker in fleet),
        memory=memory,
        oldest_pending_ms=None if since is None else max(0, line["at"] - int(since)),
        oldest_pending_exact=exact,
        services={name: up.count(name) for name in sorted(set(up))},
        **line,
    )


def _steps_of(known: T) -> Steps[T]:
    """What needs no read."""
    yield []
    return known


def _line_steps(link: Link, at_most: int) -> Steps[dict[str, Any]]:
    """The numbers of classes and of held jobs, and the time, by their names in `Summary`."""
    (seconds, micros), never, unworkable, classes, held = yield [
        ("TIME",),
        ("SCARD", link.key("classes.unworkable")),
        ("SRANDMEMBER", link.key("classes.unworkable"), at_most),
        ("ZCARD", link.key("heads")),
        ("ZCARD", link.key("held")),
    ]
    waiting = yield [("ZCARD", link.key(f"jobs:pending:{name.decode()}")) for name in undamaged(unworkable)]
    return {
        "at": int(seconds) * 1000 + int(micros) // 1000,
        "classes_waiting": undamaged(classes),
        "held": undamaged(held),
        "unworkable_jobs": sum(undamaged(count) for count in waiting),
        "unworkable_exact": undamaged(never) <= at_most,
    }


async def numbers(link: Link) -> dict[str, int]:
    """State -> number of its jobs."""
    return await link.follow(number_steps(link))


def number_steps(link: Link) -> Steps[dict[str, int]]:
    """As `numbers`, in one round trip."""
    lists = ("timeouts", "leases", *(f"jobs:{state}" for state in ENDED))
    answers = yield [("HGETALL", link.key("counts")), *(("ZCARD", link.key(name)) for name in lists)]
    waiting, active, running, *ended = map(undamaged, answers)
    numbers = {state: int(count) for state, count in fields_of(waiting).items()}
    numbers |= {"active": active, "cancelling": running - active, **dict(zip(ENDED, ended, strict=True))}
    return {state: numbers.get(state, 0) for state in (*OPEN, *ENDED)}
