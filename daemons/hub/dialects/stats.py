"""The stats of older programs, as they are read."""

from typing import Any

from daemons.hub.dialects.emp_redis import MAX_LISTED, system_stats
from emp_core.client.queue import Queue
from emp_core.domain.filter import parse

_SHOWN = parse("status:pending,active,cancelling,failed")


async def read_system_stats(queue: Queue) -> dict[str, Any]:
    """`system` of a broadcast, and `stats` of an answer."""
    workers = await queue.workers()
    summary = await queue.summary(workers=workers, oldest=False)
    page = await queue.jobs(_SHOWN, limit=MAX_LISTED)
    return system_stats(summary, workers, page.jobs)
