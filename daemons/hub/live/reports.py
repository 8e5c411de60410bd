"""`ReportNews`: log lines and previews of jobs that somebody follows, each read once, whoever follows it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from daemons.hub.live.feed import Feed
from daemons.outage import UNAVAILABLE, Outage
from emp_core.client.changes import LogTail
from emp_core.client.queue import Preview, Queue
from emp_core.domain.events import Event, Reported
from emp_core.errors import NotFound

ASK_SECONDS = 2.0
"""How often workers are asked for previews; they stop five seconds after they were asked last."""


class Listener(Protocol):
    """Who wants what workers say of a job."""

    def on_lines(self, job_id: str, lines: tuple[str, ...]) -> None:
        """New log lines."""
        ...

    def on_preview(self, job_id: str, preview: Preview) -> None:
        """A new picture."""
        ...


@dataclass(slots=True)
class _Followed:
    """A job whose log or previews somebody wants."""

    tail: LogTail = field(default_factory=LogTail)
    reads: asyncio.Lock = field(default_factory=asyncio.Lock)
    of_log: set[Listener] = field(default_factory=set[Listener])
    of_previews: set[Listener] = field(default_factory=set[Listener])


class ReportNews:
    """A follower of the feed that reads logs and previews."""

    def __init__(self, feed: Feed, queue: Queue) -> None:
        self._feed = feed
        self._queue = queue
        self._jobs: dict[str, _Followed] = {}
        self._new_lines: set[str] = set()
        self._new_previews: set[str] = set()
        self._wakened = asyncio.Event()

    async def follow_log(self, job_id: str, listener: Listener) -> list[str]:
        """Tell it the new log lines of a job from now on. Returns those that are kept."""
        followed = self._follow(job_id)
        followed.of_log.add(listener)
        async with followed.reads:
            lines = await self._queue.log(job_id)
            new = followed.tail.new_lines(lines)
        self._tell_lines(followed, job_id, new, besides=listener)
        return lines

    def follow_previews(self, job_id: str, listener: Listener) -> None:
        """Tell it the pictures of a job from now on."""
        self._follow(job_id).of_previews.add(listener)
        self._wakened.set()

    def unfollow(self, job_id: str, listener: Listener) -> None:
        """The opposite of both."""
        followed = self._jobs.get(job_id)
        if followed is None:
            return
        followed.of_log.discard(listener)
        followed.of_previews.discard(listener)
        if not followed.of_log and not followed.of_previews:
            del self._jobs[job_id]
            self._feed.unfollow(job_id, self)

    async def read_log(self, job_id: str) -> None:
        """Tell the lines of a job that were not told yet, if somebody wants them."""
        followed = self._jobs.get(job_id)
        if followed is None or not followed.of_log:
            return
        async with followed.reads:
            new = followed.tail.new_lines(await self._queue.log(job_id))
        self._tell_lines(followed, job_id, new)

    async def run(self, outage: Outage) -> None:
        """Read what is new, and ask for previews, until cancelled."""
        loop = asyncio.get_running_loop()
        ask_at = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(ask_at if self._previewed() else None):
                    await self._wakened.wait()
            self._wakened.clear()
            try:
                if loop.time() >= ask_at:
                    ask_at = loop.time() + ASK_SECONDS
                    await self._ask()
                await self._read()
            except UNAVAILABLE as error:
                outage.begin(error, "reports")
                await asyncio.sleep(ASK_SECONDS)
                self._wakened.set()
            else:
                outage.end("reports")

    def on_event(self, event: Event) -> None:
        """Those who want events follow the feed."""

    def on_report(self, reported: Reported) -> None:
        """Read what is new soon."""
        (self._new_previews if reported.preview else self._new_lines).add(reported.job)
        self._wakened.set()

    def on_gap(self) -> None:
        """Lines may have been written meanwhile."""
        self._new_lines.update(self._jobs)
        self._wakened.set()

    def on_outage(self, reason: str) -> None:
        """What could not be read is read later."""

    def _follow(self, job_id: str) -> _Followed:
        if job_id not in self._jobs:
            self._jobs[job_id] = _Followed()
            self._feed.follow(job_id, self)
        return self._jobs[job_id]

    def _previewed(self) -> list[str]:
        return [job_id for job_id, followed in self._jobs.items() if followed.of_previews]

    async def _ask(self) -> None:
        for job_id in self._previewed():
            with suppress(NotFound):
                await self._queue.watch_preview(job_id)

    async def _read(self) -> None:
        while self._new_lines:
            job_id = self._new_lines.pop()
            try:
                await self.read_log(job_id)
            except UNAVAILABLE:
                self._new_lines.add(job_id)
                raise
        while self._new_previews:
            await self._read_preview(self._new_previews.pop())

    async def _read_preview(self, job_id: str) -> None:
        followed = self._jobs.get(job_id)
        preview = await self._queue.preview_of(job_id) if followed and followed.of_previews else None
        if followed and preview:
            for listener in list(followed.of_previews):
                listener.on_preview(job_id, preview)

    def _tell_lines(
        self, followed: _Followed, job_id: str, lines: tuple[str, ...], besides: Listener | None = None
    ) -> None:
        for listener in followed.of_log - {besides} if lines else ():
            listener.on_lines(job_id, lines)
