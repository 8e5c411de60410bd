"""Jobs, workers and what is said of them as JSON, with the field names that every surface shares.

Times are RFC 3339 in UTC; what is not known is null, so that the keys are always the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from emp_core.domain.events import Event, Order
from emp_core.domain.explain import Explanation, Skipped, WorkerExplanation
from emp_core.domain.folding import Workers, fold_workers
from emp_core.domain.job import Job, JobRequest
from emp_core.domain.job_fields import JOB_FIELDS, Form
from emp_core.domain.matching import Miss
from emp_core.domain.outcome import Artifact
from emp_core.domain.standing import Standing, WaitingClass
from emp_core.domain.worker import LastFailure, ServiceOutage, Worker


def time_view(time_ms: int | None) -> str | None:
    """`2026-01-02T03:04:05.678Z`."""
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    return value


_AS_JSON: Mapping[Form, Callable[[Any], Any]] = {Form.TIME: time_view, Form.LIST: list, Form.LABELS: dict}
_SHOWN = [(field.name, _AS_JSON.get(field.form, _plain)) for field in JOB_FIELDS if field.shown]

_BODY = ("payload", "template", "params")
_ASKED = [
    (field.name, _AS_JSON.get(field.form, _plain)) for field in JOB_FIELDS if field.is_asked and field.name not in _BODY
]


def job_view(job: Job) -> dict[str, Any]:
    """A job; `state` is null where its record is damaged."""
    special = {"state": job.state.value if job.state else None, "requirements": job.requirements.to_json()}
    return {name: special[name] if name in special else write(getattr(job, name)) for name, write in _SHOWN}


def request_view(request: JobRequest) -> dict[str, Any]:
    """What a job was asked for with, without what only its worker reads."""
    asked = request.requirements
    special = {"service": next(iter(asked.services), None), "requirements": asked.to_json()}
    return {name: special[name] if name in special else write(getattr(request, name)) for name, write in _ASKED}


def worker_view(worker: Worker) -> dict[str, Any]:
    """A worker."""
    return {
        "id": worker.id,
        "state": worker.state.value,
        "reason": worker.reason,
        "machine": worker.machine,
        "slots": worker.slots,
        "active": list(worker.active),
        "services": dict(worker.services),
        "outages": {name: _outage_view(outage) for name, outage in worker.outages.items()},
        "capabilities": worker.capabilities.to_json(),
        "started_at": time_view(worker.started_at),
        "beat_at": time_view(worker.beat_at),
        "last_failure": _last_failure_view(worker.last_failure),
        "info": dict(worker.info),
    }


def _outage_view(outage: ServiceOutage) -> dict[str, Any]:
    return {"why": outage.why, "since": time_view(outage.since)}


def _last_failure_view(failure: LastFailure | None) -> dict[str, Any] | None:
    return {"at": time_view(failure.at), "job": failure.job, "code": failure.code} if failure else None


def event_view(event: Event) -> dict[str, Any]:
    """An event of the stream."""
    return {"at": time_view(event.at), **asdict(event)}


def order_view(order: Order) -> dict[str, Any]:
    """An entry of the audit."""
    return {"at": time_view(order.at), **asdict(order)}


def artifact_view(artifact: Artifact) -> dict[str, Any]:
    """A file that a job took or made."""
    return asdict(artifact)


def explanation_view(explanation: Explanation) -> dict[str, Any]:
    """Why a job waits."""
    return {
        "job": explanation.job.id,
        "state": explanation.job.state.value if explanation.job.state else None,
        "tier": explanation.tier.value if explanation.tier else None,
        "reasons": [asdict(reason) for reason in explanation.reasons],
        "ahead": explanation.ahead,
        "ahead_exact": explanation.ahead_exact,
        "labels": dict(explanation.job.labels),
        "before": [_class_view(waiting) for waiting in explanation.before],
        "nearest": [
            {"worker": near.worker, "change": near.sentence(), "capabilities": near.change()}
            for near in explanation.nearest
        ],
        "groups": [_group_view(group) for group in fold_workers(explanation.standings)],
        "workers": [_standing_view(standing) for standing in explanation.standings],
    }


def worker_explanation_view(explanation: WorkerExplanation) -> dict[str, Any]:
    """What a worker makes of the queue."""
    return {
        "worker": explanation.worker.id,
        "state": explanation.worker.state.value,
        "reason": explanation.reason,
        "outage": explanation.outage,
        "takes": [_class_view(waiting) for waiting in explanation.takes],
        "skips": [_skipped_view(skipped) for skipped in explanation.skips],
        "exact": explanation.exact,
    }


def _standing_view(standing: Standing) -> dict[str, Any]:
    dimensions = standing.verdict.by_dimension().items()
    return {
        "worker": standing.worker.id,
        "tier": standing.tier.value,
        "reason": standing.reason,
        "ahead": standing.ahead,
        "ahead_exact": standing.exact,
        "dimensions": {name: [_miss_view(miss) for miss in misses] for name, misses in dimensions},
    }


def _group_view(group: Workers) -> dict[str, Any]:
    return {"tier": group.first.tier.value, "reason": group.first.reason, "workers": group.ids}


def _skipped_view(skipped: Skipped) -> dict[str, Any]:
    return {**_class_view(skipped.waiting), "misses": [_miss_view(miss) for miss in skipped.verdict.misses]}


def _class_view(waiting: WaitingClass) -> dict[str, Any]:
    return {
        "class": waiting.class_id,
        "jobs": waiting.jobs,
        "first": waiting.first,
        "requirements": waiting.requirements.to_json(),
    }


def _miss_view(miss: Miss) -> Mapping[str, Any]:
    return {"dimension": miss.dimension, "field": miss.field, "asked": miss.asked, "offered": miss.offered}
