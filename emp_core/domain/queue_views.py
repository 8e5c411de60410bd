"""The groups of jobs, the workflows and the minutes of a queue as JSON; `views` has jobs, workers and events."""

from dataclasses import asdict
from typing import Any

from emp_core.domain.demand import Group, WorkflowDemand
from emp_core.domain.trend import WAIT_BOUNDS_MS, Trend
from emp_core.domain.views import time_view


def group_view(group: Group) -> dict[str, Any]:
    """A class, a model or a customer."""
    return {
        "name": group.name,
        "pending": group.pending,
        "running": group.running,
        "unworkable": group.unworkable,
        "at_limit": group.at_limit,
        "oldest_at": time_view(group.oldest_at),
        "requirements": group.asks.to_json() if group.asks else None,
        **asdict(group.offer),
    }


def workflow_view(workflow: WorkflowDemand) -> dict[str, Any]:
    """A workflow."""
    return {**asdict(workflow), "oldest_at": time_view(workflow.oldest_at)}


def trend_view(trend: Trend) -> dict[str, Any]:
    """The last minutes."""
    return {
        "at": time_view(trend.at),
        "since": time_view(trend.since),
        "wait_bounds_ms": list(WAIT_BOUNDS_MS),
        "minutes": [
            {**asdict(span), "at": time_view(span.at), "failures": dict(span.failures), "waits": list(span.waits)}
            for span in trend.minutes
        ],
    }
