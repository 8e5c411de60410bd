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
from daemons.hub.api.schemas.hub import CapabilitiesAnswer, ReadyAnswer, VersionAnswer
from daemons.hub.api.schemas.jobs import (
    AttemptsAnswer,
    EventsAnswer,
    ExplainAnswer,
    JobAnswer,
    JobsAnswer,
    LogAnswer,
    OrderAnswer,
    OutcomeAnswer,
    PositionAnswer,
    ResultAnswer,
)
from daemons.hub.api.schemas.orders import BulkAnswer
from daemons.hub.api.schemas.queue import (
    ClassesAnswer,
    CustomersAnswer,
    LimitAnswer,
    LimitsAnswer,
    ModelsAnswer,
    QueueEventsAnswer,
    TrendAnswer,
    WorkflowPriorityAnswer,
    WorkflowsAnswer,
)
from daemons.hub.api.schemas.submits import BatchAnswer, SubmittedAnswer
from emp_core.client.orders import VERBS
from emp_core.domain.outcome import Artifact

ANSWERS: dict[str, Any] = {
    "health": HealthAnswer,
    "ready": ReadyAnswer,
    "version": VersionAnswer,
    "capabilities": CapabilitiesAnswer,
    "submit_job": SubmittedAnswer | BatchAnswer,
    "list_jobs": JobsAnswer,
    "get_job": JobAnswer,
    "get_result": ResultAnswer,
    "get_outcome": OutcomeAnswer,
    "get_position": PositionAnswer,
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
    **{f"{verb}_jobs": BulkAnswer for verb in VERBS},
    "put_artifact": Artifact,
    "list_artifacts": list[Artifact],
    "list_workers": WorkersAnswer,
    "get_worker": WorkerAnswer,
    "explain_worker": ExplainWorkerAnswer,
    "pause_worker": SteeredAnswer,
    "resume_worker": SteeredAnswer,
    "drain_worker": SteeredAnswer,
    "list_classes": ClassesAnswer,
    "list_models": ModelsAnswer,
    "list_customers": CustomersAnswer,
    "list_workflows": WorkflowsAnswer,
    "set_workflow_priority": WorkflowPriorityAnswer,
    "list_limits": LimitsAnswer,
    "get_limit": LimitAnswer,
    "set_limit": LimitAnswer,
    "delete_limit": LimitAnswer,
    "get_trend": TrendAnswer,
    "list_events": QueueEventsAnswer,
    "stats": StatsAnswer,
    "get_audit": AuditAnswer,
}
"""Operation -> its answer, where that is JSON."""
