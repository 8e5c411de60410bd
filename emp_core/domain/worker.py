"""A worker as the queue knows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.gpu_memory import GpuMemory


class WorkerState(StrEnum):
    """A worker's state. Paused and fenced belong to the id and survive a restart; draining does not."""

    READY = "ready"
    PAUSED = "paused"
    DRAINING = "draining"
    FENCED = "fenced"
    LOST = "lost"
    STOPPED = "stopped"


LIVE = frozenset({WorkerState.READY, WorkerState.PAUSED, WorkerState.DRAINING, WorkerState.FENCED})


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFailure:
    """The last attempt that a worker reported as failed."""

    at: int
    """ms since 1970."""

    job: str
    code: str
    """The connector's own word, such as `out_of_memory`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOutage:
    """Why a service of a worker takes no jobs."""

    why: str
    """In the worker's words."""

    since: int
    """ms since 1970 by the worker's own clock, for people only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One agent process: a profile and slots."""

    id: str
    machine: str
    boot: str
    """New at each start."""

    state: WorkerState
    profile_id: str
    capabilities: Capabilities
    slots: int
    active: tuple[str, ...] = ()
    """Jobs that it holds."""

    services: Mapping[str, str] = field(default_factory=dict[str, str])
    """Service -> `up`, `busy` or `down`."""

    outages: Mapping[str, ServiceOutage] = field(default_factory=dict[str, ServiceOutage])
    """The services that are busy or down."""

    memory: GpuMemory = field(default_factory=GpuMemory)
    beat_at: int = 0
    """ms since 1970, Redis TIME, of its last beat."""

    lost_at: int | None = None
    """When it counts as lost, should no other beat come; None where it is gone."""

    started_at: int = 0
    clock_ahead_ms: int | None = None
    """How far its machine's clock was ahead of Redis's when it last registered; None: it does not say."""

    reason: str = ""
    """Why it is paused, draining or fenced."""

    info: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What it says of itself: version, pid, GPUs; for people only."""

    last_failure: LastFailure | None = None
    workflow: str = ""
    """The only workflow whose jobs it takes."""

    max_customers: int | None = None
    """How many customers' jobs it runs at once; None: any number."""

    def is_silent(self, now: int) -> bool:
        """Whether it has missed a beat: no news for half a lease, and a beat comes every third."""
        return self.lost_at is not None and 2 * now >= self.beat_at + self.lost_at
