"""What happens in the queue, read once by the hub for all who look on."""

import asyncio

import structlog

from daemons.hub.live.feed import Feed
from daemons.hub.live.glance import Glance
from daemons.hub.live.jobs import JobNews
from daemons.hub.live.reports import ReportNews
from daemons.outage import Outage
from emp_core.client.queue import Queue

__all__ = ["Live"]

log = structlog.get_logger()

AFTER_BUG_SECONDS = 1.0


class Live:
    """The readers of a hub. They see the whole queue; who passes on what they tell holds it to its caller."""

    def __init__(self, queue: Queue) -> None:
        self.feed = Feed(queue)
        self.reports = ReportNews(self.feed, queue)
        self.jobs = JobNews(self.feed, self.reports, queue)
        self.glance = Glance(queue)

    async def run(self, outage: Outage) -> None:
        """Read on until cancelled."""
        with self.feed.followed_by(self.reports):
            async with asyncio.TaskGroup() as tasks:
                for reader in (self.feed, self.reports, self.jobs, self.glance):
                    tasks.create_task(_kept_on(reader, outage), name=type(reader).__name__)


async def _kept_on(reader: Feed | ReportNews | JobNews | Glance, outage: Outage) -> None:
    while True:
        try:
            await reader.run(outage)
        except Exception:  # the boundary: a bug in one reader must stop neither the hub nor the other readers
            log.exception("live.failed", reader=type(reader).__name__)
            await asyncio.sleep(AFTER_BUG_SECONDS)
