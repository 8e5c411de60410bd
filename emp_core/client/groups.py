"""Reads what waits, runs and is offered, by class, model or customer: for the dashboard and the hub."""

import asyncio
from typing import TYPE_CHECKING

from emp_core.domain.demand import Groups, grouped

if TYPE_CHECKING:
    from emp_core.client.queue import Queue


async def read_groups(queue: "Queue", kind: str) -> Groups:
    """The groups of one kind: `classes`, `models` or `customers`."""
    demand, now = await queue.demand(), await queue.now_ms()
    # A thousand classes and hundreds of profiles take a while: the loop goes on meanwhile.
    return await asyncio.to_thread(grouped, kind, demand, now)
