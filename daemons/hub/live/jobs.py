"""`JobNews` reads each followed job once after it has changed, and tells all its followers."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from daemons.hub.live.feed import Feed
from daemons.hub.live.reports import ReportNews
from daemons.outage import UNAVAILABLE, Outage
from emp_core.client import results
from emp_core.client.queue import Queue
from emp_core.domain.events import Event, Reported
from emp_core.domain.job import Job
from emp_core.domain.states import TERMINAL

log = structlog.get_logger()

READ_AT_ONCE = 500
AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is new about a job."""

    job_id: str
    events: tuple[Event, ...]
    job: Job | None
    """As it was read after the events; None if it is not there any more."""

    outcome: results.Outcome | None = None
    """What came of it, if it has ended; data that lies in a file is not read."""


class Reader(Protocol):
    """Who wants to know how jobs are now."""

    def on_news(self, news: News) -> None:
        """A job has changed."""
        ...


class JobNews:
    """A follower of the feed that reads the jobs which others follow."""

    def __init__(self, feed: Feed, reports: ReportNews, queue: Queue) -> None:
        self._feed = feed
        self._reports = reports
        self._queue = queue
        self._by_job: defaultdict[str, set[Reader]] = defaultdict(set)
        self._of_all: set[Reader] = set()
        self._changed: dict[str, list[Event]] = {}
        self._wakened = asyncio.Event()

    def follow(self, job_id: str, reader: Reader) -> None:
        """Tell it when a job changes."""
        self._by_job[job_id].add(reader)
        self._feed.follow(job_id, self)

    def unfollow(self, job_id: str, reader: Reader) -> None:
        """The opposite of `follow`."""
        readers = self._by_job.get(job_id, set())
        readers.discard(reader)
        if not readers:
            self._by_job.pop(job_id, None)
            self._feed.unfollow(job_id, self)

    def follow_all(self, reader: Reader) -> None:
        """Tell it when any job changes."""
        self._of_all.add(reader)
        self._feed.follow_all(self)

    def unfollow_all(self, reader: Reader) -> None:
        """The opposite of `follow_all`."""
        self._of_all.discard(reader)
        if not self._of_all:
            self._feed.unfollow_all(self)

    def on_event(self, event: Event) -> None:
        """Keep it, and read its job soon."""
        if event.job:
            events = self._changed.setdefault(event.job, [])
            if not events or events[-1].cursor != event.cursor:  # one that follows a job and all is told twice
                events.append(event)
            self._wakened.set()

    def on_report(self, reported: Reported) -> None:
        """Those who want reports follow `Feed` or `ReportNews`."""

    def on_gap(self) -> None:
        """Those who were told something read it again by themselves."""

    def on_outage(self, reason: str) -> None:
        """What could not be read is read later."""

    async def run(self, outage: Outage) -> None:
        """Read what changed, until cancelled. While one read is under way, the next changes gather."""
        while True:
            await self._wakened.wait()
            self._wakened.clear()
            while self._changed:
                some = {job_id: self._changed.pop(job_id) for job_id in list(self._changed)[:READ_AT_ONCE]}
                await self._tell(some, outage)

    async def _tell(self, changed: dict[str, list[Event]], outage: Outage) -> None:
        """Read jobs and tell of them; if the queue is away, as soon as it is back."""
        while True:
            try:
                news = await self.read(changed)
            except UNAVAILABLE as error:
                outage.begin(error, "job news")
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            outage.end("job news")
            break
        for each in news:
            for reader in [*self._by_job.get(each.job_id, ()), *self._of_all]:
                reader.on_news(each)

    async def read(self, changed: Mapping[str, Sequence[Event]]) -> list[News]:
        """The jobs of some events as they are now. Raises `QueueUnavailable`."""
        jobs = {job.id: job for job in await self._queue.jobs_by_id(list(changed))}
        outcomes = await self._outcomes([job for job in jobs.values() if job.id in self._by_job])
        return [
            News(job_id=job_id, events=tuple(events), job=jobs.get(job_id), outcome=outcomes.get(job_id))
            for job_id, events in changed.items()
        ]

    async def _outcomes(self, jobs: Sequence[Job]) -> dict[str, results.Outcome]:
        ended = [job for job in jobs if job.state in TERMINAL]
        for job in ended:
            await self._reports.read_log(job.id)  # its last lines come before its end
        more = await asyncio.gather(*[self._queue.more_of(job, body=False) for job in ended])
        return {job.id: results.outcome_of(each.outcome) for job, each in zip(ended, more, strict=True)}
