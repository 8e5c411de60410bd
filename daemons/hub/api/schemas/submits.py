"""What is told of jobs that go in."""

from typing import Any, Literal

from daemons.hub.api.schemas.base import Answer, Durability, Problem, Successful, Time
from emp_core.domain.states import JobState


class JobAsked(Answer):
    """A job as it was asked for."""

    id: str
    job_id: str
    state: JobState
    status: JobState
    service: str | None
    job_type: str | None
    priority: int
    max_failures: int
    customer_id: str | None
    workflow_id: str | None
    labels: dict[str, str]
    on_lost: Literal["requeue", "fail"]
    depends_on: list[str]
    requirements: dict[str, Any]
    timeout_seconds: float | None
    deadline: Time | None
    workflow_datetime: Time | None
    run_at: Time | None
    queue_ttl_seconds: float | None
    on_dependency_failure: Literal["fail", "run"]
    idempotency_key: str | None


class Submitted(Answer):
    """A job that is in the queue now."""

    id: str
    job_id: str
    state: JobState
    status: JobState
    repeated: bool
    """It had been submitted before."""

    unworkable: bool
    """No live worker can do it."""

    durability: Durability
    """When the job is safe from a power cut at Redis.

    `always`: now; `everysec`: within two seconds; `os`: when the system has written it to the disk; `memory`: never, a
    restart of Redis loses it too; `unknown`: Redis does not say.
    """

    message: str
    job: JobAsked


class SubmittedAnswer(Submitted, Successful):
    """The answer to one job."""


class SubmittedLine(Submitted):
    """One line of a batch that was stored."""

    success: bool


class BatchAnswer(Successful):
    """The answer to a list of jobs."""

    jobs: list[SubmittedLine | Problem]
    """For each line, in order, what would have been answered to it alone."""

    stored: int
    refused: int
