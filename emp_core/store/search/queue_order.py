"""Jobs in the order of the queue: running ones by their start, waiting ones as they are claimed or due, ended ones with
the newest first.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from math import inf

from emp_core.domain.states import ENDED, HELD, JobState
from emp_core.store.codec import job_fields
from emp_core.store.connection import DAMAGED, Link
from emp_core.store.search.merging import Merge
from emp_core.store.search.place import Place, Spot

STEP = 200


@dataclass(frozen=True, slots=True)
class Span:
    """Scores; None: no limit."""

    first: int | None = None
    last: int | None = None


ANY = Span()


class QueueOrder:
    """The jobs of some lists, list by list."""

    def __init__(self, link: Link, lists: Sequence[str], ended: Span = ANY) -> None:
        """`ended`: the times between which ended jobs have ended."""
        self._link = link
        self._lists = lists
        self._ended = ended

    async def places(self, after: Place | None) -> AsyncGenerator[Place, None]:
        """The jobs behind a place."""
        names = list(self._lists)
        if after is not None:
            names = [name for name in names if LISTS.index(name) >= LISTS.index(after.walk)]
        for name in names:
            behind = after.spot if after is not None and after.walk == name else None
            async with aclosing(self._spots(name, behind)) as spots:
                async for spot in spots:
                    yield Place(name, spot)

    def _spots(self, name: str, after: Spot | None) -> AsyncGenerator[Spot, None]:
        if name in (JobState.ACTIVE, JobState.CANCELLING):
            return self._running(JobState(name), after)
        if name == JobState.PENDING:
            return self._pending(after)
        return self._listed(name, after)

    async def size(self) -> int:
        """How many jobs there are in the lists."""
        keys = ["timeouts", "leases", *LISTED.values()]
        waiting = ("HGET", self._link.key("counts"), JobState.PENDING)
        found = await self._link.read_many([waiting, *(("ZCARD", self._link.key(key)) for key in keys)])
        pending, active, running, *listed = (0 if size is DAMAGED else int(size or 0) for size in found)
        sizes = dict(zip(LISTS, (active, running - active, pending, *listed), strict=True))
        return sum(sizes[name] for name in self._lists)

    async def _running(self, state: JobState, after: Spot | None) -> AsyncGenerator[Spot, None]:
        """By the start of their attempt.

        The lists of running jobs change their order with every beat, so all of them are read: no more jobs than the
        fleet has slots.
        """
        names = await self._link.call("ZRANGE", self._link.key("leases"), 0, -1)
        reads = [("HMGET", self._link.key(f"job:{name.decode()}"), "state", "claim") for name in names]
        found = zip(names, await self._link.read_many(reads), strict=True)
        here = [(name, words[1]) for name, words in found if words is not DAMAGED and words[0] == state.encode()]
        for spot in sorted((_claimed_at(claim), name.decode()) for name, claim in here):
            if after is None or spot > after:
                yield spot

    async def _pending(self, after: Spot | None) -> AsyncGenerator[Spot, None]:
        """In the order in which they would be claimed, whatever their class."""
        flat = await self._link.call("ZRANGE", self._link.key("heads"), 0, -1, "REV", "WITHSCORES")
        parked = await self._link.call("SMEMBERS", self._link.key("parked"))
        heads = {name.decode(): float(score) for name, score in zip(flat[::2], flat[1::2], strict=True)}
        heads |= {name.decode(): inf for name in parked}
        lists = {f"jobs:pending:{name}": score for name, score in heads.items()}
        async with aclosing(Merge(self._link, {**lists, "avoided": inf}).spots(after)) as spots:
            async for spot in spots:
                yield spot

    async def _listed(self, name: str, after: Spot | None) -> AsyncGenerator[Spot, None]:
        newest_first = name in ENDED
        first, last = ("-inf", "+inf") if not newest_first else self._ended_bounds()
        start, end = (last, first) if newest_first else (first, last)
        order = ("REV",) if newest_first else ()
        spot, skip = after, 0
        while True:
            begin = start if spot is None else str(spot[0])
            limits = ("BYSCORE", *order, "LIMIT", skip, STEP, "WITHSCORES")
            flat = await self._link.call("ZRANGE", self._link.key(LISTED[name]), begin, end, *limits)
            before = spot
            for job_id, score in zip(flat[::2], flat[1::2], strict=True):
                each = (int(float(score)), job_id.decode())
                if spot is None or (each < spot if newest_first else each > spot):
                    spot = each
                    yield each
            if len(flat) < 2 * STEP:
                return
            skip = skip + STEP if before and spot and before[0] == spot[0] else 0

    def _ended_bounds(self) -> tuple[str, str]:
        first, last = self._ended.first, self._ended.last
        return "-inf" if first is None else str(first), "+inf" if last is None else str(last)


LISTED: Mapping[str, str] = {
    JobState.DELAYED: "delayed",
    HELD: "held",
    JobState.BLOCKED: "blocked",
    **{state: f"jobs:{state}" for state in ENDED},
}
"""Those that Redis keeps as they are shown, or the other way round: name -> key."""

LISTS: Sequence[str] = (JobState.ACTIVE, JobState.CANCELLING, JobState.PENDING, *LISTED)
"""In their order."""


def _claimed_at(claim: bytes | None) -> int:
    """When the attempt began, from a job's `claim`; 0 if it is damaged."""
    return int(job_fields({"claim": (claim or b"").decode("utf-8", "replace")}).get("claimed", 0))
