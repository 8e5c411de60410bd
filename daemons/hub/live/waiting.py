"""Wait for the end of a job without asking again and again."""

import asyncio
from contextlib import suppress

from daemons.hub.live import Live
from daemons.hub.live.jobs import News
from emp_core.client.queue import Queue
from emp_core.domain.states import TERMINAL


class _End:
    """Set once the job has ended, or was deleted."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    def on_news(self, news: News) -> None:
        if news.job is None or news.job.state is None or news.job.state in TERMINAL:
            self.reached.set()


async def wait_for_end(live: Live, queue: Queue, job_id: str, seconds: float) -> None:
    """Return when a job has ended, at the latest after so many seconds. Raises `NotFound` if it is not there."""
    end = _End()
    live.jobs.follow(job_id, end)
    try:
        job = await queue.job(job_id)
        if job.state is not None and job.state not in TERMINAL:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await end.reached.wait()
    finally:
        live.jobs.unfollow(job_id, end)
