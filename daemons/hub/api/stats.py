"""The queue at a glance."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response

from daemons.hub.api.answers import success
from daemons.hub.api.dependencies import CallersQueue, TimedRoute
from emp_core.client.queue import Summary

router = APIRouter(route_class=TimedRoute, tags=["hub"])


@router.get("/stats")
async def stats(queue: CallersQueue) -> Response:
    """Jobs and live workers by state, slots, services, and how long the oldest job has waited."""
    return success(stats_answer(await queue.summary()))


def stats_answer(summary: Summary) -> dict[str, Any]:
    """The queue at a glance."""
    jobs = {str(state): count for state, count in summary.jobs.items()}
    workers = {str(state): count for state, count in summary.workers.items()}
    return {
        **asdict(summary),
        "jobs": {**jobs, "total": sum(jobs.values())},
        "workers": {**workers, "total": sum(workers.values())},
    }
