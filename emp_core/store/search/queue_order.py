"""Jobs in the order of the queue: running ones by their start, waiting ones as they are claimed or due, ended ones with
the newest first.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from math import inf
from typing import Any

from emp_core.domain.states import ENDED, JobState
from emp_core.store.codec import job_fields
from emp_core.store.connection import DAMAGED, Link, undamaged
from emp_core.store.search.front import LISTED, LISTS, Front, head_reads, heads_of
from emp_core.store.search.merging import Merge, first_piece
from emp_core.store.search.place import Place, Spot
from emp_core.store.steps import Command

STEP = 200

RUNNING = (JobState.ACTIVE, JobState.CANCELLING)

PARKED_AT_FIRST = 50
"""Classes at their limit whose jobs are read ahead; further ones are read when they are needed."""


@dataclass(frozen=True, slots=True)
class Span:
    """Scores; None: no limit."""

    first: int | None = None
    last: int | None = None


ANY = Span()


class QueueOrder:
    """The jobs of some lists, list by list."""

    def __init__(self, link: Link, lists: Sequence[str], front: Front, *, first: int, ended: Span = ANY) -> None:
        """`first`: how many jobs are likely to be read. `ended`: the times between which ended jobs have ended."""
        self._link = link
        self._lists = lists
        self._front = front
        self._first = first
        self._ended = ended
        self._ahead: dict[str, Any] = {}
        """What was read before it was asked for: key -> answer."""

    async def places(self, after: Place | None) -> AsyncGenerator[Place, None]:
        """The jobs behind a place."""
        names = list(self._lists)
        if after is not None:
            names = [name for name in names if LISTS.index(name) >= LISTS.index(after.walk)]
        behind = {after.walk: after.spot} if after is not None else {}
        await self._read_ahead(names, behind)
        for name in names:
            async with aclosing(self._spots(name, behind.get(name))) as spots:
                async for spot in spots:
                    yield Place(name, spot)

    async def size(self) -> int:
        """How many jobs there are in the lists."""
        return self._front.size_of(self._lists)

    def _spots(self, name: str, after: Spot | None) -> AsyncGenerator[Spot, None]:
        if name in RUNNING:
            return self._running(JobState(name), after)
        if name == JobState.PENDING:
            return self._pending(after)
        return self._listed(name, after)

    async def _read_ahead(self, names: Sequence[str], behind: Mapping[str, Spot]) -> None:
        """Read the first jobs of as many lists as have enough of them, in one round trip."""
        reads: dict[str, Command] = {}
        count = 0
        for name in names:
            if count >= self._first:
                break
            reads |= self._first_reads(name, behind.get(name))
            count += 0 if name in behind else self._front.sizes[name]
        self._ahead = dict(zip(reads, await self._link.read_many(list(reads.values())), strict=True))

    def _first_reads(self, name: str, after: Spot | None) -> Mapping[str, Command]:
        """The reads of the first jobs of a list by the keys that they read."""
        if name in RUNNING:
            return {key: self._claim_read(key) for key in self._leased}
        if name != JobState.PENDING:
            return {LISTED[name]: self._listed_read(name, after, 0, min(STEP, self._first))}
        # Of those behind a place, which may be in the midst of each list, only a function can read the first.
        counts = self._counts() if after is None else {}
        return {key: ("ZRANGE", self._link.key(key), 0, n - 1, "REV", "WITHSCORES") for key, n in counts.items()}

    @property
    def _leased(self) -> Sequence[str]:
        return [f"job:{job_id}" for job_id in self._front.leased]

    def _claim_read(self, key: str) -> Command:
        return ("HMGET", self._link.key(key), "state", "claim")

    async def _running(self, state: JobState, after: Spot | None) -> AsyncGenerator[Spot, None]:
        """By the start of their attempt.

        The lists of running jobs change their order with every beat, so all of them are read: no more jobs than the
        fleet has slots.
        """
        if not self._ahead.keys() >= set(self._leased):
            reads = [self._claim_read(key) for key in self._leased]
            self._ahead |= dict(zip(self._leased, await self._link.read_many(reads), strict=True))
        found = [(job_id, self._ahead[f"job:{job_id}"]) for job_id in self._front.leased]
        here = [(name, words[1]) for name, words in found if words is not DAMAGED and words[0] == state.encode()]
        for spot in sorted((_claimed_at(claim), name) for name, claim in here):
            if after is None or spot > after:
                yield spot

    def _counts(self) -> Mapping[str, int]:
        """How many of the first pending jobs each list can have at most.

        The best jobs of all classes before it stand before every job of a class.
        """
        heads = list(self._front.heads)[: self._first]
        counts = {f"jobs:pending:{name}": self._first - rank for rank, name in enumerate(heads)}
        parked = [f"jobs:pending:{name}" for name in self._front.parked[:PARKED_AT_FIRST]]
        return counts | dict.fromkeys(["avoided", *parked], self._first)

    async def _pending(self, after: Spot | None) -> AsyncGenerator[Spot, None]:
        """In the order in which they would be claimed, whatever their class."""
        front, counts = self._front, self._counts()
        begun = {
            key: first_piece([] if self._ahead[key] is DAMAGED else self._ahead[key], count)
            for key, count in counts.items()
            if key in self._ahead
        }
        # No job of a class whose head was not read comes before the last head that was.
        lowest = -inf if front.has_all_heads else min(front.heads.values())
        async with aclosing(Merge(self._link, _lists(front.heads, front.parked), begun=begun).spots(after)) as spots:
            async for spot in spots:
                if spot[0] < lowest:
                    break
                after = spot
                yield spot
        if front.has_all_heads:
            return
        heads, parked = heads_of(*map(undamaged, await self._link.read_many(head_reads(self._link, 0))))
        async with aclosing(Merge(self._link, _lists(heads, parked)).spots(after)) as spots:
            async for spot in spots:
                yield spot

    async def _listed(self, name: str, after: Spot | None) -> AsyncGenerator[Spot, None]:
        newest_first = name in ENDED
        spot, skip, step = after, 0, min(STEP, self._first)
        flat = self._ahead.pop(LISTED[name], None)
        while True:
            if flat is None:
                flat = await self._link.call(*self._listed_read(name, spot, skip, step))
            before = spot
            for job_id, score in zip(undamaged(flat)[::2], flat[1::2], strict=True):
                each = (int(float(score)), job_id.decode())
                if spot is None or (each < spot if newest_first else each > spot):
                    spot = each
                    yield each
            if len(flat) < 2 * step:
                return
            skip = skip + step if before and spot and before[0] == spot[0] else 0
            flat, step = None, STEP

    def _listed_read(self, name: str, after: Spot | None, skip: int, step: int) -> Command:
        first, last = self._ended_bounds()
        start, end, order = (last, first, ("REV",)) if name in ENDED else ("-inf", "+inf", ())
        begin = start if after is None else str(after[0])
        key, limit = self._link.key(LISTED[name]), ("LIMIT", skip, step, "WITHSCORES")
        return ("ZRANGE", key, begin, end, "BYSCORE", *order, *limit)

    def _ended_bounds(self) -> tuple[str, str]:
        first, last = self._ended.first, self._ended.last
        return "-inf" if first is None else str(first), "+inf" if last is None else str(last)


def _lists(heads: Mapping[str, float], parked: Sequence[str]) -> Mapping[str, float]:
    """The lists of pending jobs, each with a score that none of its jobs is above."""
    classes = {**heads, **dict.fromkeys(parked, inf)}
    return {**{f"jobs:pending:{name}": score for name, score in classes.items()}, "avoided": inf}


def _claimed_at(claim: bytes | None) -> int:
    """When the attempt began, from a job's `claim`; 0 if it is damaged."""
    return int(job_fields({"claim": (claim or b"").decode("utf-8", "replace")}).get("claimed", 0))
