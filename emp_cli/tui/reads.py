"""What screens show, and how it is read of the queue. Screens name a read; only the feed carries it out."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from emp_core.domain.filter import EVERY_JOB, Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emp_core.client.queue import ClassView, Page, Queue, Summary
    from emp_core.clock import Clock
    from emp_core.domain.trend import Trend
    from emp_core.domain.worker import Worker

TREND_MINUTES = 60

FLEET_SECONDS = 2.0
"""Workers and classes are read no more often for the overview."""

OLDEST_SECONDS = 5.0
"""The oldest pending job is looked for no more often."""

T = TypeVar("T")


class Read(ABC, Generic[T]):
    """Something to read again and again while it is shown. Two reads of the same are equal."""

    period: ClassVar[float] = 5.0
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
    classes: "Sequence[ClassView]"
    trend: "Trend"


class OverviewRead(Read[Glance]):
    """The queue at a glance. A screen has one for its whole life: it keeps what costs too much to read each second."""

    period = 1.0

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._fleet: tuple[Sequence[Worker], Sequence[ClassView]] = ((), ())
        self._fleet_at = self._oldest_at = float("-inf")
        self._oldest: Summary | None = None
        self._trend: Trend | None = None

    async def read(self, queue: "Queue") -> Glance:
        now = self._clock.monotonic()
        if now - self._fleet_at >= FLEET_SECONDS:
            self._fleet = await asyncio.gather(queue.workers(), queue.classes())
            self._fleet_at = now
        workers, classes = self._fleet
        summary, trend = await asyncio.gather(self._read_summary(queue, now), self._read_trend(queue))
        return Glance(summary, workers, classes, trend)

    async def _read_summary(self, queue: "Queue", now: float) -> "Summary":
        """With the oldest job as it was found last; it has grown older since."""
        known = self._oldest
        if known is None or now - self._oldest_at >= OLDEST_SECONDS:
            self._oldest = await queue.summary(workers=self._fleet[0])
            self._oldest_at = now
            return self._oldest
        summary = await queue.summary(workers=self._fleet[0], oldest=False)
        if known.oldest_pending_ms is None or not summary.jobs["pending"]:
            return summary
        age = known.oldest_pending_ms + summary.at - known.at
        return replace(summary, oldest_pending_ms=age, oldest_pending_exact=known.oldest_pending_exact)

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
