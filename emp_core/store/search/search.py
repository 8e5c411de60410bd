"""`Search`: the jobs that match a filter."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import dataclass
from typing import Self

from emp_core.domain.caller import Caller
from emp_core.domain.filter import EVERY_JOB, Filter
from emp_core.domain.job import Job
from emp_core.domain.policy import SEARCHED_AT_MOST
from emp_core.errors import InvalidInput
from emp_core.store.connection import Link
from emp_core.store.inspector import Inspector
from emp_core.store.search.place import Place
from emp_core.store.search.planning import Plan, plan

READ_AT_ONCE = 100
"""Jobs that are read at once. It takes some ms, during which the hub answers no other call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of the jobs that match a filter."""

    jobs: tuple[Job, ...]
    cursor: str | None
    """Where the next page begins; None: no job is left."""

    searched: int
    """Jobs that were read for it."""

    of: int | None = None
    """How many there are to read, if the search stopped at its limit: jobs that were not read may match too."""

    total: int | None = None
    """How many jobs match in all; None if only reading them could tell."""

    complete: bool = True
    """False: the queue was written by an earlier version, and the hub is still listing its jobs for filters."""


class Search:
    """Reads pages of jobs. For a caller of one customer the jobs of others do not exist."""

    def __init__(self, link: Link, inspector: Inspector) -> None:
        self._link = link
        self._inspector = inspector
        self._own = EVERY_JOB

    def for_caller(self, caller: Caller) -> Self:
        """The same for a caller."""
        own = copy(self)
        own._inspector = self._inspector.for_caller(caller)
        own._own = Filter.of(customer=caller.customer)
        return own

    async def page(
        self, wanted: Filter = EVERY_JOB, *, limit: int = 50, after: str = "", at_most: int | None = SEARCHED_AT_MOST
    ) -> Page:
        """The next `limit` jobs that match, behind the cursor `after`. Raises `InvalidInput` if that is none.

        By status alone, jobs come in the order of the queue: running ones, waiting ones as they are claimed, ended ones
        with the newest first. With any other condition that finds them, the last submitted come first. A job that
        matches throughout is on exactly one page; one that changes meanwhile may be missed.

        At most `at_most` jobs are read, None: all. `Page.of` says if that ended the search.
        """
        wanted = self._own & wanted
        found = await plan(self._link, wanted, limit + 1)
        reader = _Reader(self._inspector, found, wanted)
        await reader.read(_start(found, after), limit, at_most)
        shown = reader.kept[:limit]
        last = shown[-1][0] if len(reader.kept) > limit else reader.last if reader.stopped else None
        return Page(
            jobs=tuple(job for _, job in shown),
            cursor=None if last is None else str(last),
            searched=reader.searched,
            of=await found.source.size() if reader.stopped else None,
            total=await found.source.size() if found.exact else None,
            complete=not found.front.indexing,
        )


def _start(found: Plan, after: str) -> Place | None:
    if not after:
        return None
    place = Place.read(after)
    if place.walk not in found.walks:
        raise InvalidInput("cursor", "is of a list with another filter", hint="begin again without a cursor")
    return place


class _Reader:
    """Reads jobs in their order until enough of them match."""

    def __init__(self, inspector: Inspector, found: Plan, wanted: Filter) -> None:
        self._inspector = inspector
        self._plan = found
        self._wanted = wanted
        self._now = found.front.now
        self.kept: list[tuple[Place, Job]] = []
        self.last: Place | None = None
        self.searched = 0
        self.stopped = False
        """There may be jobs that were not read."""

    async def read(self, after: Place | None, limit: int, at_most: int | None) -> None:
        """One more than `limit` are kept, if there are."""
        async with aclosing(self._plan.source.places(after)) as places:
            while len(self.kept) <= limit:
                room = READ_AT_ONCE if at_most is None else min(READ_AT_ONCE, at_most - self.searched)
                # Where most jobs match, no more are read than are needed.
                some = await _take(places, min(room, max(10, limit + 1 - len(self.kept))))
                if not some:
                    self.stopped = room == 0 and bool(await _take(places, 1))
                    return
                await self._keep(some)

    async def _keep(self, places: Sequence[Place]) -> None:
        jobs = {job.id: job for job in await self._inspector.jobs_by_id([place.spot[1] for place in places])}
        self.searched += len(places)
        self.last = places[-1]
        for place in places:
            job = jobs.get(place.spot[1])
            if job is not None and self._wanted.matches(job, self._now):
                self.kept.append((place, job))


async def _take(places: AsyncGenerator[Place, None], count: int) -> list[Place]:
    taken: list[Place] = []
    while len(taken) < count:
        place = await anext(places, None)
        if place is None:
            break
        taken.append(place)
    return taken
