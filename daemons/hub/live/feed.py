"""`Feed`: the hub's one read of the streams of the queue, whatever the number of those who look on."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Protocol

import structlog

from daemons.hub.live.ring import Ring
from daemons.outage import UNAVAILABLE, Outage
from emp_core.client.queue import Batch, Queue, Watching
from emp_core.domain.events import Event, Reported
from emp_core.errors import AccessDenied, QueueUnavailable

log = structlog.get_logger()

REPLAYED = 2_000
"""Events before its start that a hub can replay, so that a client of another hub can go on here."""

BLOCK_MS = 1_000
"""How long one read waits; then the hub looks whether the stream is still the same."""

AGAIN_SECONDS = 0.2
"""The pause before another try while the queue is away."""


class Follower(Protocol):
    """Who looks on. No method may wait or raise: all are told in one go."""

    def on_event(self, event: Event) -> None:
        """A job or a worker changed its state."""
        ...

    def on_report(self, reported: Reported) -> None:
        """The worker of a running job reported something."""
        ...

    def on_gap(self) -> None:
        """Events were missed; what was read before may be out of date."""
        ...

    def on_outage(self, reason: str) -> None:
        """The queue is away; an empty reason: it is back."""
        ...


class Feed:
    """Tells followers what happens."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._followers: set[Follower] = set()
        self._by_job: defaultdict[str, set[Follower]] = defaultdict(set)
        self._all: set[Follower] = set()
        self._ring = Ring()
        self.cursor = ""
        """The place of the newest event that was told; empty before the first read."""

        self.outage = "the hub has just started"
        """Why the queue is away; empty while it answers."""

        self.ready = asyncio.Event()
        """Set once the first read is done."""

    async def run(self, outage: Outage) -> None:
        """Read on until cancelled."""
        async with AsyncExitStack() as closing:
            watch = await self._begin(closing, outage)
            while True:
                try:
                    self._tell(await watch.next(BLOCK_MS))
                except UNAVAILABLE as error:
                    self._away(error, outage)
                    await asyncio.sleep(AGAIN_SECONDS)
                else:
                    self._back(outage)

    @contextmanager
    def followed_by(self, follower: Follower) -> Iterator[None]:
        """Tell a follower of gaps and outages. It hears of events too after `follow` or `follow_all`."""
        self._followers.add(follower)
        try:
            yield
        finally:
            self._followers.discard(follower)

    def follow_all(self, follower: Follower) -> None:
        """Tell it every event and report from now on."""
        self._all.add(follower)

    def follow(self, job_id: str, follower: Follower) -> None:
        """Tell it the events and reports of one job from now on."""
        self._by_job[job_id].add(follower)

    def unfollow_all(self, follower: Follower) -> None:
        """The opposite of `follow_all`."""
        self._all.discard(follower)

    def unfollow(self, job_id: str, follower: Follower) -> None:
        """The opposite of `follow`."""
        others = self._by_job.get(job_id, set())
        others.discard(follower)
        if not others:
            self._by_job.pop(job_id, None)

    def since(self, cursor: str) -> list[Event] | None:
        """The events behind a cursor that were told already; None if they are not known any more."""
        return self._ring.after(cursor)

    async def _begin(self, closing: AsyncExitStack, outage: Outage) -> Watching:
        while True:
            try:
                watch = await closing.enter_async_context(self._queue.watch(reports=True, patience=0.0))
                self._ring.begin(await self._queue.recent_events(REPLAYED), watch.cursor)
            except UNAVAILABLE as error:
                await closing.aclose()
                self._away(error, outage)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                self.cursor = watch.cursor
                self._back(outage)
                self.ready.set()
                return watch

    def _tell(self, batch: Batch) -> None:
        if batch.resync:
            self._ring.begin([], batch.cursor)
            self.cursor = batch.cursor
            self._tell_gap()
        self._ring.add(batch.events)
        for event in batch.events:
            self.cursor = event.cursor
            for follower in self._of(event.job):
                follower.on_event(event)
        for reported in batch.reports:
            for follower in self._of(reported.job):
                follower.on_report(reported)

    def _of(self, job_id: str) -> list[Follower]:
        return [*self._by_job.get(job_id, ()), *self._all]

    def _tell_gap(self) -> None:
        log.info("feed.gap", followers=len(self._followers))
        for follower in list(self._followers):
            follower.on_gap()

    def _away(self, error: QueueUnavailable | AccessDenied, outage: Outage) -> None:
        outage.begin(error, "feed")
        if not self.outage:
            self.outage = error.message
            for follower in list(self._followers):
                follower.on_outage(error.message)

    def _back(self, outage: Outage) -> None:
        outage.end("feed")
        if self.outage:
            self.outage = ""
            for follower in list(self._followers):
                follower.on_outage("")
