"""The answers of the hub as the API's document shows them; the tests hold what it really answers against these."""

from typing import Any

from daemons.hub.api.schemas.fleet import (
    AuditAnswer,
    ExplainWorkerAnswer,
    HealthAnswer,
    StatsAnswer,
    SteeredAnswer,
    WorkerAnswer,
    WorkersAnswer,
)
from daemons.hub.api.schemas.jobs import (
    AttemptsAnswer,
    EventsAnswer,
    ExplainAnswer,
    JobAnswer,
    JobsAnswer,
    LogAnswer,
    OrderAnswer,
    ResultAnswer,
)
from daemons.hub.api.schemas.submits import BatchAnswer, SubmittedAnswer
from emp_core.domain.outcome import Artifact

ANSWERS: dict[str, Any] = {
    "health": HealthAnswer,
    "submit_job": SubmittedAnswer | BatchAnswer,
    "list_jobs": JobsAnswer,
    "get_job": JobAnswer,
    "get_result": ResultAnswer,
    "get_log": LogAnswer,
    "get_events": EventsAnswer,
    "get_attempts": AttemptsAnswer,
    "explain": ExplainAnswer,
    "cancel_job": OrderAnswer,
    "delete_job": OrderAnswer,
    "retry_job": OrderAnswer,
    "hold_job": OrderAnswer,
    "unhold_job": OrderAnswer,
    "requeue_job": OrderAnswer,
    "set_priority": OrderAnswer,
    "put_artifact": Artifact,
    "list_artifacts": list[Artifact],
    "list_workers": WorkersAnswer,
    "get_worker": WorkerAnswer,
    "explain_worker": ExplainWorkerAnswer,
    "pause_worker": SteeredAnswer,
    "resume_worker": SteeredAnswer,
    "drain_worker": SteeredAnswer,
    "stats": StatsAnswer,
    "get_audit": AuditAnswer,
}
"""Operation -> its answer, where that is JSON."""
