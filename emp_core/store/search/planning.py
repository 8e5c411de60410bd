"""Chooses what a search reads: the fewest jobs among which all that match are."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from emp_core.domain.filter import Filter, Index
from emp_core.domain.states import HELD, JobState
from emp_core.store.connection import Link
from emp_core.store.search.front import LISTS, Front, front_steps
from emp_core.store.search.indexes import Indexes
from emp_core.store.search.place import Place
from emp_core.store.search.queue_order import ANY, QueueOrder, Span
from emp_core.store.search.submit_order import WALK, Gathered, Listed

FEW = 1_000
"""So few jobs are read and sorted rather than looked for in a list."""


FIRST_AT_MOST = 100
"""Jobs that are read ahead, of each list as many as may be among them."""


class Source(Protocol):
    """Jobs in their order."""

    def places(self, after: Place | None) -> AsyncGenerator[Place, None]:
        """The jobs behind a place."""

    async def size(self) -> int:
        """How many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to read."""

    source: Source
    walks: frozenset[str]
    """What its places may be called."""

    exact: bool
    """All jobs of the source match."""

    front: Front
    """What was known before."""


async def plan(link: Link, wanted: Filter, limit: int) -> Plan:
    """How to find the first jobs that match."""
    lists = [name for name in LISTS if _may_be_in(wanted, name)]
    indexes = Indexes(link, wanted)
    front = await link.follow(front_steps(link, () if indexes.serve else lists))
    created = Span(*wanted.between(Index.CREATED, front.now))
    ended = Span(*wanted.between(Index.ENDED, front.now))
    if not indexes.serve and created == ANY:
        by_status = all(term.field in ("status", "held") for term in wanted.terms)
        source = QueueOrder(link, lists, front, first=min(limit, FIRST_AT_MOST), ended=ended)
        return Plan(source=source, walks=frozenset(LISTS), exact=by_status, front=front)
    by_submit = partial(Plan, walks=frozenset({WALK}), front=front)
    if front.size_of(lists) <= FEW:
        ids = await _few(link, lists, ended)
        return by_submit(source=Gathered(link, ids), exact=False)
    found = await indexes.smallest()
    if found.ids is not None:
        return by_submit(source=Gathered(link, found.ids), exact=False)
    states = frozenset() if len(lists) == len(LISTS) else frozenset(wanted.states())
    exact = found.exact and not states and created == ANY
    return by_submit(source=Listed(link, found.lists, states, created), exact=exact)


async def _few(link: Link, lists: Sequence[str], ended: Span) -> Sequence[str]:
    """The ids of the jobs in some lists, which are few."""
    queue = QueueOrder(link, lists, await link.follow(front_steps(link, lists)), first=FEW, ended=ended)
    return [place.spot[1] async for place in queue.places(None)]


def _may_be_in(wanted: Filter, name: str) -> bool:
    """Whether a job of one of the queue's lists can match."""
    state = JobState.DELAYED if name == HELD else JobState(name)
    if state not in wanted.states():
        return False
    words = {HELD: (HELD, "delayed"), "cancelling": ("cancelling", "active")}.get(name, (name,))
    return wanted.accepts("status", *words) and wanted.accepts("held", "yes" if name == HELD else "no")
