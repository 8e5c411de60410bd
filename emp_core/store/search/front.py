"""What a search knows of the queue before it reads a job: one round trip, whatever is looked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emp_core.domain.states import ENDED, HELD, JobState
from emp_core.store.connection import DAMAGED, Link, undamaged
from emp_core.store.steps import Command, Steps

LISTED: Mapping[str, str] = {
    JobState.DELAYED: "delayed",
    HELD: "held",
    JobState.BLOCKED: "blocked",
    **{state: f"jobs:{state}" for state in ENDED},
}
"""Those that Redis keeps as they are shown, or the other way round: name -> key."""

LISTS: Sequence[str] = (JobState.ACTIVE, JobState.CANCELLING, JobState.PENDING, *LISTED)
"""In their order."""

HEADS_AT_FIRST = 500
"""Classes whose best jobs are read with all else; where more wait, all of them are read when they are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What is known."""

    now: int
    """Redis TIME."""

    indexing: bool
    """Jobs of an earlier version are not all listed for filters yet."""

    sizes: Mapping[str, int]
    """How many jobs there are in each of `LISTS`."""

    leased: Sequence[str]
    """Running jobs; none if no list of them is wanted."""

    heads: Mapping[str, float]
    """Class -> the score of its best job, the highest first; the first of them, if pending jobs are wanted."""

    parked: Sequence[str]
    """Classes at their limit, if pending jobs are wanted."""

    def size_of(self, lists: Sequence[str]) -> int:
        """How many jobs there are in some lists."""
        return sum(self.sizes[name] for name in lists)

    @property
    def has_all_heads(self) -> bool:
        """Whether no class waits but these."""
        return len(self.heads) < HEADS_AT_FIRST


def front_steps(link: Link, lists: Sequence[str]) -> Steps[Front]:
    """What is known of the jobs in these lists, in one round trip."""
    sizes = ["timeouts", "leases", *LISTED.values()]
    running = JobState.ACTIVE in lists or JobState.CANCELLING in lists
    (seconds, micros), indexing, *answers = yield [
        ("TIME",),
        ("EXISTS", link.key("indexing")),
        ("HGET", link.key("counts"), JobState.PENDING),
        *(("ZCARD", link.key(name)) for name in sizes),
        *([("ZRANGE", link.key("leases"), 0, -1)] if running else ()),
        *(head_reads(link, HEADS_AT_FIRST) if JobState.PENDING in lists else ()),
    ]
    rest = [undamaged(answer) for answer in answers[1 + len(sizes) :]]
    heads, parked = heads_of(*rest[-2:]) if JobState.PENDING in lists else ({}, [])
    return Front(
        now=int(seconds) * 1000 + int(micros) // 1000,
        indexing=bool(indexing),
        sizes=_sizes(answers[: 1 + len(sizes)]),
        leased=[name.decode() for name in rest[0]] if running else (),
        heads=heads,
        parked=parked,
    )


def head_reads(link: Link, count: int) -> Sequence[Command]:
    """The reads whose answers `heads_of` takes; `count`: 0 for all."""
    return [
        ("ZRANGE", link.key("heads"), 0, count - 1, "REV", "WITHSCORES"),
        ("SMEMBERS", link.key("parked")),
    ]


def heads_of(flat: Sequence[bytes], parked: Sequence[bytes]) -> tuple[dict[str, float], list[str]]:
    """The classes with the scores of their best jobs, and those at their limit."""
    heads = {name.decode(): float(score) for name, score in zip(flat[::2], flat[1::2], strict=True)}
    return heads, [name.decode() for name in parked]


def _sizes(answers: Sequence[Any]) -> dict[str, int]:
    pending, active, running, *listed = (0 if size is DAMAGED else int(size or 0) for size in answers)
    return dict(zip(LISTS, (active, running - active, pending, *listed), strict=True))
