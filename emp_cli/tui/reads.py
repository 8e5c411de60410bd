"""What screens show, and how it is read of the queue. Screens name a read; only the feed carries it out."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from emp_core.domain.backlog import Backlog, backlog
from emp_core.domain.filter import EVERY_JOB, Filter
from emp_core.domain.worker import Worker, WorkerState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emp_core.client.queue import Page, Queue, Summary
    from emp_core.clock import Clock
    from emp_core.domain.events import Event
    from emp_core.domain.trend import Trend

TREND_MINUTES = 60

FLEET_SECONDS = 2.0
"""The workers are read no more often for the overview."""

BACKLOG_SECONDS = 10.0
"""What waits is read no more often, nor the workers that were lost."""

KINDS = 10
"""Kinds of jobs that are told: of those that wait, and of those that can never run."""

LOST_MS = 3_600_000
"""Workers that were heard of in the last hour and are lost are shown."""

T = TypeVar("T")


class Read(ABC, Generic[T]):
    """Something to read again and again while it is shown. Two reads of the same are equal."""

    period: float = 5.0
    """Seconds after which it is read again, whether anything happened or not."""

    gap: ClassVar[float] = 1.0
    """Seconds between two reads, however much happens."""

    follows: ClassVar[bool] = False
    """Whether it is read again after an event."""

    @abstractmethod
    async def read(self, queue: "Queue") -> T:
        """Ask the queue. Raises `EmpError`."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What the overview shows."""

    summary: "Summary"
    workers: "Sequence[Worker]"
    """Live ones."""

    lost: "Sequence[Worker]"
    """Those that were lost in the last hour."""

    backlog: "Backlog | None"
    """None: it is still being read."""

    trend: "Trend"
    events: "Sequence[Event]"
    """The last ones, oldest first; none if the screen has no room for them."""


class OverviewRead(Read[Glance]):
    """The queue at a glance. A screen has one for its whole life: it keeps what costs too much to read each second.

    The first answer comes without the backlog, which takes seconds if a hundred thousand jobs wait; the next follows
    at once.
    """

    period = 1.0

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self.events = 0
        """How many of the last events are read."""

        self._is_first = True
        self._workers: Sequence[Worker] = ()
        self._lost: Sequence[Worker] = ()
        self._workers_at = self._backlog_at = float("-inf")
        self._backlog: Backlog | None = None
        self._trend: Trend | None = None

    async def read(self, queue: "Queue") -> Glance:
        self.period, now = OverviewRead.period, self._clock.monotonic()
        if now - self._workers_at >= FLEET_SECONDS:
            self._workers = await queue.workers()
            self._workers_at = now
        summary, trend, events = await asyncio.gather(
            queue.summary(workers=self._workers, oldest=False), self._read_trend(queue), self._read_events(queue)
        )
        if self._is_first:
            self._is_first, self.period = False, 0.0
        elif now - self._backlog_at >= BACKLOG_SECONDS:
            self._backlog, self._lost = await self._read_backlog(queue, summary.at)
            self._backlog_at = now
        live = {worker.id for worker in self._workers}
        lost = [worker for worker in self._lost if worker.id not in live]
        oldest = summary if self._backlog is None else summary.with_oldest(self._backlog)
        return Glance(oldest, self._workers, lost, self._backlog, trend, events)

    async def _read_events(self, queue: "Queue") -> "Sequence[Event]":
        return await queue.recent_events(self.events) if self.events else ()

    async def _read_backlog(self, queue: "Queue", at: int) -> "tuple[Backlog, Sequence[Worker]]":
        demand, known = await asyncio.gather(queue.demand(workers=self._workers), queue.workers(gone=True))
        # A thousand classes and hundreds of profiles take a while: keys are answered meanwhile.
        found = await asyncio.to_thread(backlog, demand, at, KINDS)
        lost = [each for each in known if each.state is WorkerState.LOST and at - each.beat_at < LOST_MS]
        return found, lost

    async def _read_trend(self, queue: "Queue") -> "Trend":
        """An ended minute changes no more: it is read once."""
        found = self._trend and self._trend.continued(await queue.trend(2), TREND_MINUTES)
        self._trend = found or await queue.trend(TREND_MINUTES)
        return self._trend


@dataclass(frozen=True)
class JobsRead(Read["Sequence[Page]"]):
    """Some pages of the jobs that match, one behind the other."""

    follows = True

    wanted: Filter = EVERY_JOB
    start: str = ""
    """The cursor of the first page."""

    pages: int = 1
    size: int = 100
    at_most: int | None = None
    """How many jobs are searched for one page; None: the queue's own limit."""

    async def read(self, queue: "Queue") -> "Sequence[Page]":
        from emp_core.domain.policy import SEARCHED_AT_MOST

        at_most = self.at_most or SEARCHED_AT_MOST
        pages: list[Page] = []
        cursor: str | None = self.start
        while cursor is not None and len(pages) < self.pages:
            pages.append(await queue.jobs(self.wanted, limit=self.size, cursor=cursor, at_most=at_most))
            cursor = pages[-1].cursor
        return pages


@dataclass(frozen=True)
class WorkersRead(Read["Sequence[Worker]"]):
    """The live workers, or all that are remembered."""

    period = 2.0
    gone: bool = False

    async def read(self, queue: "Queue") -> "Sequence[Worker]":
        return await queue.workers(gone=self.gone)
