"""Chooses what a search reads: the fewest jobs among which all that match are."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from emp_core.domain.filter import Filter, Index
from emp_core.domain.states import HELD, JobState
from emp_core.store.connection import Link
from emp_core.store.search.indexes import Indexes
from emp_core.store.search.place import Place
from emp_core.store.search.queue_order import ANY, LISTS, QueueOrder, Span
from emp_core.store.search.submit_order import WALK, Gathered, Listed

FEW = 1_000
"""So few jobs are read and sorted rather than looked for in a list."""


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


async def plan(link: Link, wanted: Filter, now: int) -> Plan:
    """How to find the jobs that match."""
    lists = [name for name in LISTS if _may_be_in(wanted, name)]
    queue = QueueOrder(link, lists, Span(*wanted.between(Index.ENDED, now)))
    created = Span(*wanted.between(Index.CREATED, now))
    indexes = Indexes(link, wanted)
    if not indexes.serve and created == ANY:
        by_status = all(term.field in ("status", "held") for term in wanted.terms)
        return Plan(source=queue, walks=frozenset(LISTS), exact=by_status)
    few = await _few(queue)
    if few is not None:
        return _by_submit(Gathered(link, few))
    found = await indexes.smallest()
    if found.ids is not None:
        return _by_submit(Gathered(link, found.ids))
    states = frozenset() if len(lists) == len(LISTS) else frozenset(wanted.states())
    source = Listed(link, found.lists, states, created)
    return _by_submit(source, exact=found.exact and not states and created == ANY)


def _by_submit(source: Source, *, exact: bool = False) -> Plan:
    return Plan(source=source, walks=frozenset({WALK}), exact=exact)


async def _few(queue: QueueOrder) -> Sequence[str] | None:
    """The ids of the jobs in some states, if they are few."""
    if await queue.size() > FEW:
        return None
    return [place.spot[1] async for place in queue.places(None)]


def _may_be_in(wanted: Filter, name: str) -> bool:
    """Whether a job of one of the queue's lists can match."""
    state = JobState.DELAYED if name == HELD else JobState(name)
    if state not in wanted.states():
        return False
    words = {HELD: (HELD, "delayed"), "cancelling": ("cancelling", "active")}.get(name, (name,))
    return wanted.accepts("status", *words) and wanted.accepts("held", "yes" if name == HELD else "no")
