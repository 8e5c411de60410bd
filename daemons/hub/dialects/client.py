"""A client of Python emp-redis: it submits jobs and is told of them, asks for their status, and cancels them."""

from collections.abc import Mapping
from typing import Any

from daemons.hub.api.submission import read_request, submit_all
from daemons.hub.dialects import emp_redis
from daemons.hub.dialects.base import Act, OldSession
from daemons.hub.dialects.stats import read_system_stats
from daemons.hub.live.jobs import News
from emp_core.client.queue import Summary
from emp_core.client.results import outcome_of
from emp_core.domain.events import Reported
from emp_core.domain.states import TERMINAL, WAITING, JobState
from emp_core.domain.values import read_id
from emp_core.errors import EmpError

MAX_FOLLOWED = 10_000
"""Jobs of one socket; of the longest unchanged ones it is told no more."""


class ClientSession(OldSession):
    """`/ws/client/ID`, and `/ws`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._followed: dict[str, None] = {}
        """Jobs, the longest unchanged first."""

    def welcome(self) -> None:
        self.say("connection_established", message=f"Welcome Client {self.name}! Connected to Redis Hub")

    @property
    def acts(self) -> Mapping[str, Act]:
        return {
            "submit_job": self._submit,
            "request_job_status": self._tell_status,
            "subscribe_job": self._subscribe,
            "cancel_job": self._cancel,
            "force_retry_job": self._retry,
            "subscribe_stats": self._subscribe_stats,
            "request_stats": self._tell_stats,
            "stay_alive": self._stay_alive,
        }

    def end(self) -> None:
        for job_id in list(self._followed):
            self._unfollow(job_id)
        self.hub.live.glance.unwatch_summary(self)

    async def tell_again(self) -> None:
        for job_id in list(self._followed):
            await self._tell(job_id)

    def on_news(self, news: News) -> None:
        if news.job is not None and not self.queue.caller.sees(news.job.customer_id):
            return
        self.outbox.put(emp_redis.news_text(news, self.clock.now_ms()))
        if news.job is None or news.job.state is None or news.job.state in TERMINAL:
            self._unfollow(news.job_id)

    def on_report(self, reported: Reported) -> None:
        if reported.percent is not None and self.queue.caller.sees(reported.customer_id or None):
            text = emp_redis.progress_text(reported, None, self.clock.now_ms())
            self.outbox.put(text, key=("progress", reported.job))

    def on_summary(self, summary: Summary) -> None:
        self.say("response_stats", key="stats", stats=emp_redis.system_stats(summary, [], []))

    def on_workers(self, changed: Any, gone: Any) -> None:
        """Only monitors are told."""

    async def _submit(self, message: Mapping[str, Any]) -> None:
        asked = {name: value for name, value in message.items() if name not in ("type", "timestamp")}
        request = read_request(self.hub, asked, None)
        (stored,) = await submit_all(self.queue, [request])
        if isinstance(stored, EmpError):
            raise stored
        self._follow(stored.id)
        job = await self.queue.job(stored.id)
        more = await self.queue.more_of(job, body=False)
        place = None if more.ahead_in_class is None else more.ahead_in_class + 1
        self.outbox.put(emp_redis.accepted(stored, place, self.clock.now_ms()))
        if job.state not in WAITING:  # it was taken before it was followed
            self.on_news(News(job_id=job.id, events=(), job=job, outcome=outcome_of(more.outcome)))

    async def _tell_status(self, message: Mapping[str, Any]) -> None:
        await self._tell(read_id("job_id", message.get("job_id")))

    async def _subscribe(self, message: Mapping[str, Any]) -> None:
        job_id = read_id("job_id", message.get("job_id"))
        await self.queue.job(job_id)
        self._follow(job_id)
        self.say("subscription_confirmed", job_id=job_id)
        await self._tell(job_id)

    async def _cancel(self, message: Mapping[str, Any]) -> None:
        job_id = read_id("job_id", message.get("job_id"))
        await self.queue.cancel(job_id, reason=str(message.get("reason") or "Manually cancelled"))
        await self._tell(job_id)

    async def _retry(self, message: Mapping[str, Any]) -> None:
        job_id = read_id("job_id", message.get("job_id"))
        await self.queue.retry(job_id)
        self._follow(job_id)
        await self._tell(job_id)

    async def _subscribe_stats(self, message: Mapping[str, Any]) -> None:
        if message.get("enabled", True):
            self.queue.caller.check_unscoped("follow the stats")
            self.hub.live.glance.watch_summary(self)
        else:
            self.hub.live.glance.unwatch_summary(self)
        self.say("subscription_confirmed", job_id="stats", channels=["stats"])
        await self._tell_stats(message)

    async def _tell_stats(self, message: Mapping[str, Any]) -> None:
        self.say("response_stats", stats=await read_system_stats(self.queue))

    async def _stay_alive(self, message: Mapping[str, Any]) -> None:
        self.say("response_job_status", job_id="keep-alive", status="acknowledged")

    async def _tell(self, job_id: str) -> None:
        job = await self.queue.job(job_id)
        outcome = None
        if job.state is JobState.COMPLETED:
            outcome = outcome_of((await self.queue.more_of(job, body=False)).outcome).value
        self.outbox.put(emp_redis.status_text(job, outcome, self.clock.now_ms()))

    def _follow(self, job_id: str) -> None:
        self._followed.pop(job_id, None)
        self._followed[job_id] = None
        self.hub.live.jobs.follow(job_id, self)
        self.hub.live.feed.follow(job_id, self)
        if len(self._followed) > MAX_FOLLOWED:
            self._unfollow(next(iter(self._followed)))

    def _unfollow(self, job_id: str) -> None:
        self._followed.pop(job_id, None)
        self.hub.live.jobs.unfollow(job_id, self)
        self.hub.live.feed.unfollow(job_id, self)
