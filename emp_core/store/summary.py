"""`Summary`: the queue in numbers, as one read of it found them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from emp_core.store.memory import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The queue at a glance."""

    jobs: Mapping[str, int]
    """State -> jobs."""

    workers: Mapping[str, int]
    """State -> live workers."""

    slots: int
    busy_slots: int
    classes_waiting: int
    unworkable_jobs: int
    held: int
    """Of the delayed ones."""

    oldest_pending_ms: int | None
    """How long ago the oldest pending job took its place: it was submitted, fell due, or was retried by hand."""

    at: int
    """ms since 1970, Redis TIME."""

    services: Mapping[str, int] = field(default_factory=dict[str, int])
    """Service -> live workers that have it up."""

    memory: Memory | None = None
    """None: read from a hub, whose /health has it."""

    oldest_pending_exact: bool = True
    """False: so many classes wait that not all jobs were looked at, and an older one may be among the rest."""
