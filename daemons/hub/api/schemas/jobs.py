"""What is told of jobs that are there."""

from typing import Any, Literal

from daemons.hub.api.schemas.base import Answer, Status, Successful, Time
from emp_core.domain.outcome import Artifact
from emp_core.domain.standing import Tier
from emp_core.domain.states import JobState


class Job(Answer):
    """A job."""

    id: str
    job_id: str
    """The same, for older clients."""

    state: JobState | None
    """Null if its record is damaged."""

    status: Status
    """The same, or `corrupt`."""

    service: str | None
    job_type: str | None
    priority: int
    requirements: dict[str, Any]
    """Only what it asks."""

    customer_id: str | None
    workflow_id: str | None
    labels: dict[str, str]
    depends_on: list[str]
    worker: str | None
    """Who runs it, or ran it last."""

    worker_id: str | None
    """The same, for older clients."""

    progress: float | None
    """0 to 100, of the last attempt; 100 once it is completed, null while it waits."""

    message: str | None
    """What the worker said last."""

    code: str | None
    """Why it failed."""

    cause: str | None
    """The connector's own code for the last run that failed, such as `out_of_memory`."""

    error: str | None
    """The message of the last run that failed, in a line: in lists its first 200 bytes."""

    idempotency_key: str | None
    held: bool
    unworkable: bool
    """No live worker can do it."""

    reserved_for: list[str]
    """Workflows for which all live workers are reserved that can do it, if it is of none of these."""

    attempt: int
    """Claims so far."""

    gen: int
    """How often it was retried by a person."""

    version: int
    """Rises by one with each transition."""

    failures: int
    losses: int
    releases: int
    max_failures: int
    on_lost: Literal["requeue", "fail"]
    avoid: list[str]
    """Workers that it would rather not meet again."""

    timeout_seconds: float | None
    created_at: Time | None
    due_at: Time | None
    deadline: Time | None
    claimed_at: Time | None
    started_at: Time | None
    ended_at: Time | None
    lease_until: Time | None


class Outcome(Answer):
    """What came of a job."""

    result: dict[str, Any] | None
    """`data` and `artifacts` of a completed job."""

    failure: dict[str, Any] | None
    """What the worker said of a failed one."""

    error: str | None
    """The same in a line."""


class JobDetail(Job, Outcome):
    """A job with what was asked of the service."""

    payload: dict[str, Any] | None
    payload_url: str | None
    """Where a payload too large for the queue is."""

    result_url: str | None
    """Where the result is whole, if its data is null here: it is large, or its file cannot be read now."""

    template: str | None
    params: dict[str, Any] | None
    ahead_in_class: int | None
    """Of a pending job: how many jobs that need the same stand before it; null if it waits for another worker than
    those that gave it back. `GET /jobs/ID/explain` counts all jobs that a worker takes before it."""


class JobAnswer(JobDetail, Successful):
    """The job, and in `job` once more."""

    job: JobDetail


class OrderAnswer(Job, Successful):
    """The job as it is after an order."""

    message: str
    """What was done, in a line."""

    job: Job


class JobsAnswer(Successful):
    """A page of jobs."""

    jobs: list[Job]
    searched: int
    """How many jobs were read for it."""

    of: int | None
    """How many there are to read, if the page does not tell whether further ones match."""

    total: int | None
    """How many jobs match in all; null if only reading them could tell."""

    more: bool
    """There are jobs that the page does not show."""

    cursor: str | None
    """Asks for the next page."""

    complete: bool
    """False while the queue, which an earlier version wrote, is made ready for filters: jobs may be missing."""

    limit: int
    offset: int


class ResultAnswer(Outcome, Successful):
    """What came of a job, and nothing else."""

    id: str
    job_id: str
    state: JobState | None
    status: Status
    code: str | None
    ended_at: Time | None


class OutcomeAnswer(ResultAnswer):
    """What the queue keeps of a job's end."""

    file: Artifact | None
    """The file that has the result's data, which is null here then."""


class PositionAnswer(Successful):
    """A job's place in line."""

    job_id: str
    state: JobState | None
    ahead: int | None
    """Jobs that the worker which can start it first takes before it; null if it is not pending, or none can."""

    ahead_exact: bool
    """False: there may be more."""

    ahead_in_class: int | None
    """Of these, the jobs that need the same, whether a worker can run them or not."""

    message: str


class LogAnswer(Successful):
    """Log lines."""

    job_id: str
    start: int
    lines: list[str]


class JobEvent(Answer):
    """A transition."""

    at: Time
    cursor: str
    name: str
    job: str
    gen: int
    version: int
    state: str
    worker: str
    attempt: int
    code: str
    customer_id: str
    actor: str
    """Who gave the order that it carries out; empty if it was no order."""

    request: str
    """The id of the request with that order."""


class EventsAnswer(Successful):
    """Transitions."""

    job_id: str
    events: list[JobEvent]


class JobAttempt(Answer):
    """An attempt that did not complete."""

    number: int
    worker: str
    claimed_at: Time
    ended_at: Time
    outcome: str
    detail: str
    code: str
    """Of a failure: the connector's own word; empty otherwise."""


class AttemptsAnswer(Successful):
    """Attempts."""

    job_id: str
    attempts: list[JobAttempt]


class ExplainAnswer(Successful):
    """Why a job waits."""

    job_id: str
    job: str
    state: JobState | None
    tier: Tier | None
    """How far away a start is; null if it does not wait."""

    reasons: list[dict[str, Any]]
    """The decisive one first: `code`, `text` and `hint`."""

    ahead: int | None
    """Jobs that the worker which can start it first takes before it; null if it is not pending."""

    ahead_exact: bool
    """False: `ahead` is a lower bound, because more kinds of jobs wait than one answer looks at."""

    before: list[dict[str, Any]]
    """The jobs ahead by kind, the next first: `class`, `jobs`, `first` and `requirements`."""

    labels: dict[str, str]
    """Of the job."""

    nearest: list[dict[str, Any]]
    """Where no worker fits: the smallest changes that would make one fit."""

    groups: list[dict[str, Any]]
    """Workers that are alike: `tier`, `reason` and `workers`."""

    workers: list[dict[str, Any]]
