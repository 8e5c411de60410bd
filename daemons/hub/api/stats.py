"""The queue at a glance."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response

from daemons.hub.api.answers import success
from daemons.hub.api.dependencies import CallersQueue, TimedRoute
from emp_core.client.queue import Queue, Summary
from emp_core.errors import QueueUnavailable

router = APIRouter(route_class=TimedRoute, tags=["hub"])


@router.get("/stats")
async def stats(queue: CallersQueue) -> Response:
    """Jobs and live workers by state, slots, services, and how long the oldest job has waited."""
    return success({"queue_id": _id_of(queue), **stats_answer(await queue.summary())})


def stats_answer(summary: Summary) -> dict[str, Any]:
    """The queue at a glance."""
    jobs = {str(state): count for state, count in summary.jobs.items()}
    workers = {str(state): count for state, count in summary.workers.items()}
    return {
        **asdict(summary),
        "jobs": {**jobs, "total": sum(jobs.values())},
        "workers": {**workers, "total": sum(workers.values())},
    }


def _id_of(queue: Queue) -> str | None:
    """None if a full Redis never gave it one."""
    try:
        return queue.id
    except QueueUnavailable:
        return None
