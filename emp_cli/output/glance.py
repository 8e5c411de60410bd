"""The queue at a glance: how much waits, and who is there to do it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from emp_core.domain.durations import duration
from emp_core.domain.views import time_view

if TYPE_CHECKING:
    from emp_core.client.async_emp import QueueInfo
    from emp_core.store import Summary


def summary_view(found: "Summary", queue: "QueueInfo") -> dict[str, Any]:
    """The summary as JSON."""
    waited = None if found.oldest_pending_ms is None else found.oldest_pending_ms / 1000
    view = {name: value for name, value in asdict(found).items() if name not in ("oldest_pending_ms", "at")}
    return {"at": time_view(found.at), **view, "oldest_pending_seconds": waited, "queue": asdict(queue)}


def facts(found: "Summary", queue: "QueueInfo") -> Iterator[tuple[str, str]]:
    """The summary as lines."""
    yield "context", queue.context
    yield from counts(found)
    yield "queue", f"{queue.engine} ({queue.source})"
    yield "durability", durability_of(queue.durability)


def counts(found: "Summary") -> Iterator[tuple[str, str]]:
    """What waits, and who is there to do it, as lines."""
    yield "jobs", _counts(found.jobs) or "none"
    if found.held:
        yield "held", f"{found.held} of the delayed jobs (emp jobs --status held)"
    if found.oldest_pending_ms is not None:
        classes = "1 kind" if found.classes_waiting == 1 else f"{found.classes_waiting} kinds"
        least = "" if found.oldest_pending_exact else "at least "
        yield "waiting", f"the oldest for {least}{duration(found.oldest_pending_ms / 1000)}; {classes} of jobs"
    if found.unworkable_jobs:
        yield "stuck", f"{found.unworkable_jobs} that no live worker can run (emp jobs --unworkable)"
    if found.memory and found.memory.is_crowded:
        yield "memory", found.memory.sentence()
    yield (
        "workers",
        f"{_counts(found.workers)}; {found.busy_slots} of {found.slots} slots busy" if found.workers else "none",
    )
    yield (
        "services",
        _counts(found.services) or ("none is up (emp workers shows why)" if found.workers else ""),
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def durability_of(durability: str) -> str:
    """What a restart of Redis costs."""
    if durability == "memory":
        return "memory only: a restart of Redis loses the queue"
    return durability if durability == "unknown" else f"on disk ({durability})"
