"""The queue at a glance."""

from contextlib import suppress
from dataclasses import asdict

from fastapi import APIRouter, Response

from daemons.hub.api.answers import success
from daemons.hub.api.dependencies import CallersQueue, TimedRoute
from emp_core.errors import QueueUnavailable

router = APIRouter(route_class=TimedRoute, tags=["hub"])


@router.get("/stats")
async def stats(queue: CallersQueue) -> Response:
    """Jobs and live workers by state, slots, services, and how long the oldest job has waited."""
    summary = await queue.summary()
    jobs = {str(state): count for state, count in summary.jobs.items()}
    workers = {str(state): count for state, count in summary.workers.items()}
    queue_id = None
    with suppress(QueueUnavailable):  # a full Redis never gave it one
        queue_id = queue.id
    return success(
        {
            "queue_id": queue_id,
            **asdict(summary),
            "jobs": {**jobs, "total": sum(jobs.values())},
            "workers": {**workers, "total": sum(workers.values())},
        }
    )
