"""Jobs in the order of their submit, the newest first: as the lists by which filters find jobs have them."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from emp_core.store.connection import DAMAGED, Link
from emp_core.store.search.merging import Merge, Reading, unknown
from emp_core.store.search.place import Place, Spot
from emp_core.store.search.queue_order import Span

WALK = "submitted"

READ_AT_ONCE = 500


class Listed:
    """Jobs that are found in lists, such as those of a customer's classes; no job is in two of them."""

    def __init__(self, link: Link, lists: Sequence[str], states: frozenset[str], created: Span) -> None:
        self._link = link
        self._lists = lists
        self._reading = Reading(states=states, lowest=created.first)
        self._highest = created.last

    async def places(self, after: Place | None) -> AsyncGenerator[Place, None]:
        """The jobs behind a place."""
        top = None if self._highest is None else (self._highest, _ABOVE_IDS)
        merge = Merge(self._link, unknown(self._lists), self._reading)
        async with aclosing(merge.spots(after.spot if after else top)) as spots:
            async for spot in spots:
                yield Place(WALK, spot)

    async def size(self) -> int:
        """How many jobs there are in the lists."""
        total = 0
        for start in range(0, len(self._lists), READ_AT_ONCE):
            some = self._lists[start : start + READ_AT_ONCE]
            sizes = await self._link.read_many([("ZCARD", self._link.key(name)) for name in some])
            total += sum(int(size) for size in sizes if size is not DAMAGED)
        return total


_ABOVE_IDS = "~"
"""Sorts behind every id."""


class Gathered:
    """A few jobs that are known by their ids."""

    def __init__(self, link: Link, job_ids: Sequence[str]) -> None:
        self._link = link
        self._ids = job_ids

    async def places(self, after: Place | None) -> AsyncGenerator[Place, None]:
        """The jobs behind a place."""
        spots: list[Spot] = []
        for start in range(0, len(self._ids), READ_AT_ONCE):
            some = self._ids[start : start + READ_AT_ONCE]
            times = await self._link.read_many([("HGET", self._link.key(f"job:{name}"), "times") for name in some])
            spots += [(_created(text), name) for name, text in zip(some, times, strict=True) if text is not None]
        for spot in sorted(spots, reverse=True):
            if after is None or spot < after.spot:
                yield Place(WALK, spot)

    async def size(self) -> int:
        """How many there are."""
        return len(self._ids)


def _created(times: object) -> int:
    """From a job's `times`; 0 if it is damaged."""
    word = times.split(b" ")[0] if isinstance(times, bytes) else b""
    return int(word) if word.isdigit() and len(word) < 17 else 0
