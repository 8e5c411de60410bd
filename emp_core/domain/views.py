"""Jobs, workers and what is said of them as JSON, with the field names that every surface shares.

Times are RFC 3339 in UTC; what is not known is null, so that the keys are always the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from emp_core.domain.events import Event, Order
from emp_core.domain.job import Job, JobRequest
from emp_core.domain.job_fields import JOB_FIELDS, Form
from emp_core.domain.outcome import Artifact
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
        "gpu_memory": [asdict(gpu) for gpu in worker.memory.gpus],
        "loaded_models": {name: list(models) for name, models in worker.memory.loaded.items()},
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
