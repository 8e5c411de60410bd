"""What is told of workers, of the queue and of the hub."""

from typing import Any, Literal

from daemons.hub.api.schemas.base import Answer, Durability, Problem, Successful, Time
from emp_core.domain.worker import WorkerState


class LastFailure(Answer):
    """The last attempt that a worker reported as failed."""

    at: Time
    job: str
    code: str
    """The connector's own word, such as `out_of_memory`."""


class ServiceOutage(Answer):
    """Why a service of a worker takes no jobs."""

    why: str
    since: Time
    """By the worker's own clock."""


class GpuMemory(Answer):
    """The memory of one GPU, in bytes."""

    total: int
    free: int
    """In steps of 100 MB."""


class Worker(Answer):
    """An agent process."""

    id: str
    worker_id: str
    """The same, for older clients."""

    state: WorkerState
    status: WorkerState
    """The same, for older clients."""

    reason: str
    machine: str
    slots: int
    active: list[str]
    """Jobs that it runs."""

    services: dict[str, Literal["up", "busy", "down"]]

    outages: dict[str, ServiceOutage]
    """The services that are busy or down."""

    gpu_memory: list[GpuMemory]
    """Empty if neither a service nor the driver tells."""

    loaded_models: dict[str, list[str]]
    """Service -> the models that it says are loaded, 32 at most; a service that does not tell is left out."""

    capabilities: dict[str, Any]
    started_at: Time
    beat_at: Time
    last_failure: LastFailure | None
    info: dict[str, Any]


class WorkersAnswer(Successful):
    """The fleet."""

    workers: list[Worker]


class WorkerAnswer(Worker, Successful):
    """The worker, and in `worker` once more."""

    worker: Worker


class SteeredAnswer(WorkerAnswer):
    """The worker as it is after an order."""

    state_before: WorkerState
    message: str


class ExplainWorkerAnswer(Successful):
    """What a worker makes of the queue."""

    worker_id: str
    worker: str
    state: WorkerState
    reason: str
    outage: str
    """Its services that are down or busy, and why."""

    takes: list[dict[str, Any]]
    """In the order of claims: the next claim takes `first` of the first entry."""

    skips: list[dict[str, Any]]
    exact: bool
    """False: more kinds of jobs wait than one answer looks at."""


class MemoryUse(Answer):
    """What fills Redis."""

    used: int
    """Bytes."""

    limit: int
    """maxmemory in bytes; 0: none."""

    waiting: int
    """Jobs that wait."""

    recent: int
    """Jobs that finished less than `recent_ms` ago."""

    older: int
    """Jobs that finished before that."""

    recent_ms: int


class StatsAnswer(Successful):
    """The queue at a glance."""

    queue_id: str | None
    """Tells this queue from others; null if it has none yet and Redis takes no writes."""

    jobs: dict[str, int]
    """State -> jobs, and their `total`."""

    workers: dict[str, int]
    """State -> live workers, and their `total`."""

    services: dict[str, int]
    """Service -> live workers that have it up."""

    slots: int
    busy_slots: int
    classes_waiting: int
    unworkable_jobs: int
    unworkable_exact: bool
    """False: so many kinds of jobs are unworkable that not all jobs were counted."""

    held: int
    """Of the delayed jobs, those that somebody holds."""

    oldest_pending_ms: int | None
    """How long ago the oldest pending job took its place: it was submitted, fell due, or was retried by hand."""

    oldest_pending_exact: bool
    """False: so many kinds of jobs wait that not all were looked at, and an older one may be among the rest."""

    at: int
    """ms since 1970, by Redis."""

    memory: MemoryUse


class HealthAnswer(Answer):
    """The hub can do its work."""

    status: Literal["ok"]
    engine: str
    engine_version: str
    durability: Durability
    services: dict[str, str]
    warnings: list[str]
    """What an operator should look at, such as a Redis that is almost full."""

    version: str
    timestamp: Time


class IllHealthAnswer(Problem):
    """The hub cannot do its work: the problem, and where it is."""

    services: dict[str, str]
    version: str


class Order(Answer):
    """What somebody ordered, and what came of it."""

    at: Time
    cursor: str
    verb: str
    """cancel, retry, hold, unhold, requeue, priority, delete, pause, resume, drain or limit."""

    kind: str
    """Of the subject: job, workflow, worker or limit."""

    subject: str
    before: str
    """The subject's state; of `priority` and `limit` the number, or `none`."""

    after: str
    result: str
    """`done`, `unchanged`, or `refused` because the state forbids it."""

    customer_id: str
    """Whose job it is."""

    role: str
    actor: str
    request: str
    reason: str


class AuditAnswer(Successful):
    """Orders, oldest first."""

    orders: list[Order]
