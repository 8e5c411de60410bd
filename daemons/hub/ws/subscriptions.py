"""What a socket follows: how it is now, and then what changes. Each kind of subscription is a class."""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from daemons.hub.api.answers import in_pieces, job_answer, worker_answer
from daemons.hub.api.stats import stats_answer
from daemons.hub.live import Live
from daemons.hub.live.jobs import READ_AT_ONCE, News
from daemons.hub.ws import messages
from daemons.hub.ws.outbox import Outbox
from daemons.hub.ws.texts import Texts, news_text, text_of
from emp_core.client.queue import Preview, Queue, Summary
from emp_core.clock import Clock
from emp_core.domain.caller import Caller, Role
from emp_core.domain.events import Event, Reported
from emp_core.domain.filter import Filter, parse
from emp_core.domain.job import Job

SHOWN_AT_MOST = 10_000
"""Jobs of a subscription whose leaving it is told; of the others, the longest unchanged, it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a subscription sees, and where it speaks."""

    queue: Queue
    """As the caller sees it."""

    live: Live
    texts: Texts
    clock: Clock
    outbox: "Gate"

    @property
    def caller(self) -> Caller:
        return self.queue.caller


class Gate:
    """Before an outbox: what a subscription has to say waits until its beginning was told."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._held: list[tuple[str, Hashable]] | None = []

    def put(self, text: str, key: Hashable = None) -> None:
        """Add a message."""
        if self._held is None:
            self._outbox.put(text, key)
        else:
            self._held.append((text, key))

    def open(self) -> None:
        """Let all pass."""
        held, self._held = self._held or [], None
        for text, key in held:
            self._outbox.put(text, key)


class Subscription(Protocol):
    """One thing that a socket follows."""

    def begin(self) -> None:
        """Follow it from now on. Raises `Forbidden`."""
        ...

    async def read(self) -> Mapping[str, Any]:
        """How it is now, as members of `snapshot`; nothing, if there are only events to tell."""
        ...

    def end(self) -> None:
        """Follow it no more; also after a `begin` or `read` that failed."""
        ...

    async def replay(self, events: Sequence[Event]) -> None:
        """Tell what happened already."""
        ...


@dataclass(eq=False)
class JobSubscription:
    """One job."""

    sight: Sight
    asked: messages.SubscribeJob

    def begin(self) -> None:
        live = self.sight.live
        if self.asked.log:
            self.sight.caller.check_role(Role.WORKER, "read logs")
        if self.asked.preview:
            self.sight.caller.check_role(Role.WORKER, "read previews")
        live.jobs.follow(self.asked.job_id, self)
        live.feed.follow(self.asked.job_id, self)

    async def read(self) -> Mapping[str, Any]:
        job_id, reports = self.asked.job_id, self.sight.live.reports
        job = job_answer(await self.sight.queue.job(job_id))
        if self.asked.preview:
            reports.follow_previews(job_id, self)
        return {"job": job, **({"log": await reports.follow_log(job_id, self)} if self.asked.log else {})}

    def end(self) -> None:
        live = self.sight.live
        live.jobs.unfollow(self.asked.job_id, self)
        live.feed.unfollow(self.asked.job_id, self)
        live.reports.unfollow(self.asked.job_id, self)

    async def replay(self, events: Sequence[Event]) -> None:
        await _replay(self.sight.live, [event for event in events if event.job == self.asked.job_id], self.on_news)

    def on_news(self, news: News) -> None:
        if news.job is None or self.sight.caller.sees(news.job.customer_id):
            reads = self.sight.caller.role is not Role.MONITOR
            self.sight.outbox.put(self.sight.texts.of_news(news, outcome=reads))

    def on_event(self, event: Event) -> None:
        """`on_news` tells it."""

    def on_report(self, reported: Reported) -> None:
        if reported.percent is not None and self.sight.caller.sees(reported.customer_id or None):
            self.sight.outbox.put(self.sight.texts.of_report(reported), key=("progress", reported.job))

    def on_lines(self, job_id: str, lines: tuple[str, ...]) -> None:
        self.sight.outbox.put(self.sight.texts.of_lines(job_id, lines))

    def on_preview(self, job_id: str, preview: Preview) -> None:
        self.sight.outbox.put(self.sight.texts.of_preview(job_id, preview), key=("preview", job_id))

    def on_gap(self) -> None:
        """The session begins it anew."""

    def on_outage(self, reason: str) -> None:
        """The session tells it."""


@dataclass(eq=False)
class JobsSubscription:
    """The jobs that match a filter."""

    sight: Sight
    asked: messages.SubscribeJobs
    _filter: Filter = field(init=False)
    _shown: OrderedDict[str, None] = field(init=False, default_factory=OrderedDict[str, None])
    """The jobs that the socket was told of and that matched, the longest unchanged first."""

    def __post_init__(self) -> None:
        self._filter = parse(self.asked.where)

    def begin(self) -> None:
        self.sight.live.jobs.follow_all(self)
        self.sight.live.feed.follow_all(self)

    async def read(self) -> Mapping[str, Any]:
        page = await self.sight.queue.jobs(self._filter, limit=max(self.asked.limit, 1))
        jobs = page.jobs[: self.asked.limit]
        for job in jobs:
            self._show(job.id)
        more = page.cursor is not None or len(jobs) < len(page.jobs)
        return {"jobs": await in_pieces(jobs, job_answer), "total": page.total, "more": more}

    def end(self) -> None:
        self.sight.live.jobs.unfollow_all(self)
        self.sight.live.feed.unfollow_all(self)

    async def replay(self, events: Sequence[Event]) -> None:
        await _replay(self.sight.live, events, self.on_news)

    def on_news(self, news: News) -> None:
        if news.job is not None and self._matches(news.job):
            self._show(news.job_id)
            self.sight.outbox.put(self.sight.texts.of_news(news, outcome=False))
        elif news.job_id in self._shown:
            del self._shown[news.job_id]
            self.sight.outbox.put(news_text(news, left=True))

    def on_event(self, event: Event) -> None:
        """`on_news` tells it."""

    def on_report(self, reported: Reported) -> None:
        if reported.percent is not None and reported.job in self._shown:
            self.sight.outbox.put(self.sight.texts.of_report(reported), key=("progress", reported.job))

    def on_gap(self) -> None:
        """The session begins it anew."""

    def on_outage(self, reason: str) -> None:
        """The session tells it."""

    def _matches(self, job: Job) -> bool:
        return self.sight.caller.sees(job.customer_id) and self._filter.matches(job, self.sight.clock.now_ms())

    def _show(self, job_id: str) -> None:
        self._shown[job_id] = None
        self._shown.move_to_end(job_id)
        if len(self._shown) > SHOWN_AT_MOST:
            self._shown.popitem(last=False)


@dataclass(eq=False)
class EventsSubscription:
    """Every change of a state."""

    sight: Sight
    asked: messages.SubscribeEvents

    def begin(self) -> None:
        self.sight.live.feed.follow_all(self)

    async def read(self) -> Mapping[str, Any]:
        return {}

    def end(self) -> None:
        self.sight.live.feed.unfollow_all(self)

    async def replay(self, events: Sequence[Event]) -> None:
        for event in events:
            self.on_event(event)

    def on_event(self, event: Event) -> None:
        if self.sight.caller.sees(event.customer_id):
            self.sight.outbox.put(self.sight.texts.of_event(event))

    def on_report(self, reported: Reported) -> None:
        """Reports are no events."""

    def on_gap(self) -> None:
        """The session tells it."""

    def on_outage(self, reason: str) -> None:
        """The session tells it."""


@dataclass(eq=False)
class StatsSubscription:
    """The queue at a glance."""

    sight: Sight
    asked: messages.SubscribeStats

    def begin(self) -> None:
        self.sight.caller.check_unscoped("follow the stats")
        self.sight.live.glance.watch_summary(self)

    async def read(self) -> Mapping[str, Any]:
        return {"stats": stats_answer(await self.sight.queue.summary())}

    def end(self) -> None:
        self.sight.live.glance.unwatch_summary(self)

    async def replay(self, events: Sequence[Event]) -> None:
        """There is nothing to replay: these topics take no `after`."""

    def on_summary(self, summary: Summary) -> None:
        self.sight.outbox.put(text_of("stats", stats=stats_answer(summary)), key="stats")

    def on_workers(self, changed: Sequence[Mapping[str, Any]], gone: Sequence[str]) -> None:
        """Another subscription tells it."""


@dataclass(eq=False)
class WorkersSubscription:
    """The live workers."""

    sight: Sight
    asked: messages.SubscribeWorkers

    def begin(self) -> None:
        self.sight.caller.check_unscoped("follow the workers")
        self.sight.live.glance.watch_workers(self)

    async def read(self) -> Mapping[str, Any]:
        return {"workers": await in_pieces(await self.sight.queue.workers(), worker_answer)}

    def end(self) -> None:
        self.sight.live.glance.unwatch_workers(self)

    async def replay(self, events: Sequence[Event]) -> None:
        """There is nothing to replay: these topics take no `after`."""

    def on_summary(self, summary: Summary) -> None:
        """Another subscription tells it."""

    def on_workers(self, changed: Sequence[Mapping[str, Any]], gone: Sequence[str]) -> None:
        views = [{**view, "worker_id": view["id"], "status": view["state"]} for view in changed]
        self.sight.outbox.put(text_of("workers", workers=views, gone=list(gone)))


async def _replay(live: Live, events: Sequence[Event], tell: Callable[[News], None]) -> None:
    changed: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.job:
            changed[event.job].append(event)
    ids = list(changed)
    for start in range(0, len(ids), READ_AT_ONCE):
        for news in await live.jobs.read({job_id: changed[job_id] for job_id in ids[start : start + READ_AT_ONCE]}):
            tell(news)
