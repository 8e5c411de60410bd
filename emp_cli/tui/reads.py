"""What screens show, and how it is read of the queue. Screens name a read; only the feed carries it out."""

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from emp_core.domain.filter import EVERY_JOB, Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emp_core.client.queue import ClassView, Page, Queue, Summary
    from emp_core.domain.trend import Trend
    from emp_core.domain.worker import Worker

TREND_MINUTES = 60

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


@dataclass(frozen=True)
class OverviewRead(Read[Glance]):
    """The queue at a glance."""

    period = 1.0

    async def read(self, queue: "Queue") -> Glance:
        return Glance(
            *await asyncio.gather(queue.summary(), queue.workers(), queue.classes(), queue.trend(TREND_MINUTES))
        )


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
        from emp_core.client.queue import SEARCHED_AT_MOST

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
