"""What the model knows of a job, a claim and a worker."""

from dataclasses import dataclass, field
from typing import NamedTuple

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.policy import POLICY
from emp_core.domain.requirements import Requirements

LEASE_MS = 30_000

RUNNING = ("active", "cancelling")
WAITING = ("pending", "delayed", "blocked")
ENDED = ("completed", "failed", "cancelled")


class Key(NamedTuple):
    """A claim as it travels: who says it, and the fence."""

    worker: str
    job: str
    attempt: int
    nonce: str


@dataclass(slots=True)
class Job:
    """A job; `times` are those of the sorted sets, by their names."""

    id: str
    requirements: Requirements
    score: int
    customer: str | None = None
    workflow: str | None = None
    max_failures: int = 3
    on_lost: str = "requeue"
    on_dependency: str = "fail"
    timeout: int = POLICY.attempt_timeout_ms
    ttl: int = POLICY.queue_ttl_ms
    due: int | None = None
    deadline: int | None = None
    state: str = ""
    held: bool = False
    version: int = 0
    gen: int = 0
    attempt: int = 0
    failures: int = 0
    losses: int = 0
    releases: int = 0
    claim: Key | None = None
    fin: Key | None = None
    began: int | None = None
    """The attempt that started it, in this generation."""

    ends: int = 0
    stalls: int | None = None
    ttl_at: int = 0
    ttl_left: int = 0
    avoid: tuple[str, ...] = ()
    lacking: bool = False
    """`avoid` names the workers that lack what it needs."""

    waits_for: set[str] = field(default_factory=set)
    outcome: str = ""
    """How its last attempt ended that did not complete."""

    times: dict[str, int] = field(default_factory=dict)

    @property
    def class_id(self) -> str:
        return self.requirements.class_id

    @property
    def avoided(self) -> bool:
        return "avoided.until" in self.times


@dataclass(slots=True)
class Worker:
    """A worker; `until` is when it counts as lost."""

    id: str
    capabilities: Capabilities
    boot: str
    until: int
    state: str = "ready"
    alive: bool = True
    failures: tuple[str, ...] = ()
    """The classes that count towards fencing it."""

    refusals: tuple[str, ...] = ()
    """The classes that it lacked something for, since it last ran a job well."""
