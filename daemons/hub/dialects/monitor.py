"""A monitor of Python emp-redis: it is told of every job and worker, and how the queue is, once a second."""

from collections.abc import Mapping, Sequence
from typing import Any

from daemons.hub.dialects import emp_redis
from daemons.hub.dialects.base import Act, OldSession
from daemons.hub.dialects.stats import read_system_stats
from daemons.hub.live.jobs import News
from daemons.hub.ws.socket import Connected
from emp_core.client.queue import Summary
from emp_core.domain.events import Reported
from emp_core.domain.values import read_names


class MonitorSession(OldSession):
    """`/ws/monitor/ID`."""

    connected: Connected
    """Who else has a socket at this hub."""

    _channels: frozenset[str] = frozenset()
    """The types of messages that it wants; none named: all."""

    def welcome(self) -> None:
        self.say("connection_established", message=f"Welcome Monitor {self.name}! Connected to Redis Hub")
        self.queue.caller.check_unscoped("follow all jobs and workers")
        self.hub.live.jobs.follow_all(self)
        self.hub.live.feed.follow_all(self)
        self.hub.live.glance.watch_summary(self)
        self.hub.live.glance.watch_workers(self)
        self.gap.set()  # the first broadcast

    @property
    def acts(self) -> Mapping[str, Act]:
        return {
            "subscribe": self._subscribe,
            "get_system_status": self._tell_stats,
            "request_stats": self._answer_stats,
            "stay_alive": self._stay_alive,
        }

    def end(self) -> None:
        self.hub.live.jobs.unfollow_all(self)
        self.hub.live.feed.unfollow_all(self)
        self.hub.live.glance.unwatch_summary(self)
        self.hub.live.glance.unwatch_workers(self)

    async def tell_again(self) -> None:
        await self._tell_stats({})

    def on_news(self, news: News) -> None:
        self._put(emp_redis.news_text(news, self.clock.now_ms()))

    def on_report(self, reported: Reported) -> None:
        if reported.percent is not None:
            text = emp_redis.progress_text(reported, None, self.clock.now_ms())
            self._put(text, key=("progress", reported.job))

    def on_summary(self, summary: Summary) -> None:
        self.gap.set()

    def on_workers(self, changed: Sequence[Mapping[str, Any]], gone: Sequence[str]) -> None:
        for worker in changed:
            status = "busy" if worker["active"] else "idle"
            capabilities = worker["capabilities"]
            self._say("worker_status", worker_id=worker["id"], status=status, capabilities=capabilities)
        for name in gone:
            self._say("worker_status", worker_id=name, status="offline")
        self.gap.set()

    async def _subscribe(self, message: Mapping[str, Any]) -> None:
        self._channels = frozenset(read_names("channels", message.get("channels") or []))
        self.say("subscription_confirmed", job_id="", monitor_id=self.name, channels=sorted(self._channels))

    async def _tell_stats(self, message: Mapping[str, Any]) -> None:
        workers = await self.queue.workers()
        self._say(
            "stats_broadcast",
            key="stats",
            message_id=f"stats-{self.clock.now_ms()}",
            connections={**self.connected.names(), "workers": [worker.id for worker in workers]},
            workers=emp_redis.workers_view(workers),
            subscriptions={"stats": [], "job_notifications": [], "jobs": {}},
            system=await read_system_stats(self.queue),
        )

    async def _answer_stats(self, message: Mapping[str, Any]) -> None:
        self.say("response_stats", stats=await read_system_stats(self.queue))

    async def _stay_alive(self, message: Mapping[str, Any]) -> None:
        self.say("stay_alive_response")

    def _say(self, kind: str, /, *, key: str | None = None, **fields: Any) -> None:
        if not self._channels or kind in self._channels:
            self.say(kind, key=key, **fields)

    def _put(self, text: str, key: tuple[str, str] | None = None) -> None:
        kind = text.partition('"type":"')[2].partition('"')[0]
        if not self._channels or kind in self._channels:
            self.outbox.put(text, key=key)
