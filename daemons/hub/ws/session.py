"""`Session`: what one socket has asked for, and its answers, in the words of `emp.v1`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, NoReturn

import structlog

from daemons.hub.api.dependencies import Hub, in_time
from daemons.hub.api.submission import read_request, submit_all, submitted_answer
from daemons.hub.http.problems import problem_of
from daemons.hub.live.jobs import News
from daemons.hub.ws import messages
from daemons.hub.ws.messages import PROTOCOL, Asked, Subscribe, read_message
from daemons.hub.ws.outbox import Outbox
from daemons.hub.ws.subscriptions import (
    EventsSubscription,
    Gate,
    JobsSubscription,
    JobSubscription,
    Sight,
    StatsSubscription,
    Subscription,
    WorkersSubscription,
)
from daemons.hub.ws.texts import Texts, news_text, text_of
from emp_core import __version__
from emp_core.client.results import outcome_of
from emp_core.clock import Clock
from emp_core.domain.caller import Caller, Role
from emp_core.domain.events import Event, Reported
from emp_core.errors import EmpError, LimitExceeded, NotFound

log = structlog.get_logger()

MAX_SUBSCRIPTIONS = 200
"""Of one socket."""

_KINDS: Mapping[type[Asked], Callable[[Sight, Any], Subscription]] = {
    messages.SubscribeJob: JobSubscription,
    messages.SubscribeJobs: JobsSubscription,
    messages.SubscribeEvents: EventsSubscription,
    messages.SubscribeStats: StatsSubscription,
    messages.SubscribeWorkers: WorkersSubscription,
}


class Session:
    """Messages are carried out one after the other, so a client's submits keep their order."""

    def __init__(self, hub: Hub, caller: Caller, outbox: Outbox, texts: Texts, clock: Clock) -> None:
        self._hub = hub
        self._queue = hub.queue.for_caller(caller)
        self._outbox = outbox
        self._texts = texts
        self._clock = clock
        self._numbers = count(1)
        self._running: dict[int, tuple[Subscribe, Subscription]] = {}
        self._gap: asyncio.Event = asyncio.Event()
        self._acts: Mapping[type[Asked], Callable[[Any], Awaitable[None]]] = {
            messages.Submit: self._submit,
            messages.Get: self._get,
            messages.Cancel: self._cancel,
            messages.Unsubscribe: self._unsubscribe,
            messages.Ping: self._ping,
            **dict.fromkeys(_KINDS, self._subscribe),
        }

    def welcome(self) -> None:
        """The first message."""
        caller = self._queue.caller
        self._say(
            "welcome",
            protocol=PROTOCOL,
            version=__version__,
            role=caller.role,
            customer=caller.customer,
            cursor=self._hub.live.feed.cursor,
            max_message_bytes=self._hub.settings.max_ws_message_size_mb * 1024 * 1024,
        )
        if self._hub.live.feed.outage:
            self.on_outage(self._hub.live.feed.outage)

    async def hear(self, text: str | bytes) -> None:
        """Carry out a message and answer it, whatever it is."""
        ref: str | None = None
        try:
            asked = read_message(text)
            ref = asked.ref
            await self.carry_out(asked)
        except EmpError as error:
            self._say_error(error, ref)
        except Exception:  # the boundary: a bug must close neither this socket nor others
            log.exception("ws.failed")
            self._say_error(EmpError("an internal error of the hub; see its log"), ref)

    async def carry_out(self, asked: Asked) -> None:
        """Do what a message asks, and answer it. Raises `EmpError`."""
        async with in_time(self._hub):
            await self._acts[type(asked)](asked)

    async def read_again(self) -> NoReturn:
        """After each gap, tell how all that is followed is now; until cancelled."""
        while True:
            await self._gap.wait()
            self._gap.clear()
            for number, (asked, subscription) in list(self._running.items()):
                await self._tell_again(number, asked, subscription)

    def end(self) -> None:
        """Follow nothing more."""
        for _, subscription in self._running.values():
            subscription.end()
        self._running.clear()

    def on_event(self, event: Event) -> None:
        """Subscriptions are told of events themselves."""

    def on_report(self, reported: Reported) -> None:
        """The same."""

    def on_gap(self) -> None:
        """See `begin_anew`."""
        self._gap.set()

    def on_outage(self, reason: str) -> None:
        """Say it."""
        self._outbox.put(text_of("queue", available=not reason, reason=reason), key="queue")

    async def _submit(self, asked: messages.Submit) -> None:
        request = read_request(self._hub, asked.job, None)
        (stored,) = await submit_all(self._queue, [request])
        if isinstance(stored, EmpError):
            raise stored
        self._say("submitted", ref=asked.ref, **submitted_answer(self._queue, request, stored))

    async def _get(self, asked: messages.Get) -> None:
        await self._tell_job(asked.job_id, asked.ref)

    async def _cancel(self, asked: messages.Cancel) -> None:
        await self._queue.cancel(asked.job_id, reason=asked.reason)
        await self._tell_job(asked.job_id, asked.ref)

    async def _tell_job(self, job_id: str, ref: str | None) -> None:
        job = await self._queue.job(job_id)
        outcome = outcome_of((await self._queue.more_of(job, body=False)).outcome)
        news = News(job_id=job_id, events=(), job=job, outcome=outcome)
        reads = self._queue.caller.role is not Role.MONITOR
        self._outbox.put(news_text(news, outcome=reads, ref=ref, cursor=self._hub.live.feed.cursor))

    async def _ping(self, asked: messages.Ping) -> None:
        self._say("pong", ref=asked.ref)

    async def _subscribe(self, asked: Subscribe) -> None:
        if len(self._running) >= MAX_SUBSCRIPTIONS:
            raise LimitExceeded("subscription", "max_subscriptions", len(self._running) + 1, MAX_SUBSCRIPTIONS)
        feed = self._hub.live.feed
        await feed.ready.wait()
        number, gate = next(self._numbers), Gate(self._outbox)
        subscription = self._subscription(asked, gate)
        after: str | None = getattr(asked, "after", None)
        cursor, missed = feed.cursor, feed.since(after) if after else None
        try:
            subscription.begin()
            self._running[number] = (asked, subscription)
            now = await subscription.read()
            self._say(
                "subscribed",
                ref=asked.ref,
                subscription=number,
                topic=asked.topic,
                cursor=cursor,
                resumed=missed is not None,
            )
            if missed is None:
                self._tell_now(number, asked, now, cursor, resync=after is not None)
            gate.open()
            await subscription.replay(missed or ())
        except BaseException:
            self._running.pop(number, None)
            subscription.end()
            raise

    async def _unsubscribe(self, asked: messages.Unsubscribe) -> None:
        running = self._running.pop(asked.subscription, None)
        if running is None:
            raise NotFound("subscription", str(asked.subscription))
        running[1].end()
        self._say("unsubscribed", ref=asked.ref, subscription=asked.subscription)

    def _subscription(self, asked: Subscribe, gate: Gate) -> Subscription:
        sight = Sight(queue=self._queue, live=self._hub.live, texts=self._texts, clock=self._clock, outbox=gate)
        return _KINDS[type(asked)](sight, asked)

    async def _tell_again(self, number: int, asked: Subscribe, subscription: Subscription) -> None:
        """How a subscription is now; if it cannot be read, what is wrong."""
        cursor = self._hub.live.feed.cursor
        try:
            now = await subscription.read()
        except EmpError as error:
            self._say_error(error, asked.ref)
        else:
            self._tell_now(number, asked, now, cursor, resync=True)

    def _tell_now(self, number: int, asked: Subscribe, now: Mapping[str, Any], cursor: str, *, resync: bool) -> None:
        if now:
            self._say("snapshot", subscription=number, topic=asked.topic, cursor=cursor, resync=resync, **now)
        elif resync:
            self._say("resync", subscription=number, cursor=cursor)

    def _say(self, message: str, /, **fields: Any) -> None:
        self._outbox.put(text_of(message, **fields))

    def _say_error(self, error: EmpError, ref: str | None) -> None:
        problem = problem_of(error)
        self._say("error", ref=ref, code=problem.code, error=problem.detail, **problem.members)
