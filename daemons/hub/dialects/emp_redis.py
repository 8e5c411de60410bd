"""The words of Python emp-redis: what its clients and monitors send, and what they are told. Times are in seconds."""

from collections.abc import Mapping, Sequence
from typing import Any

from daemons.hub.live.jobs import News
from emp_core.client.queue import Submitted, Summary
from emp_core.domain.events import Event, Reported
from emp_core.domain.job import Job
from emp_core.domain.json_text import dump_json
from emp_core.domain.states import WAITING, JobState
from emp_core.domain.worker import Worker, WorkerState

MAX_LISTED = 100
"""Jobs in a broadcast of stats."""

_STATUS = {
    **dict.fromkeys(WAITING, "pending"),
    JobState.ACTIVE: "processing",
    JobState.CANCELLING: "processing",
    JobState.COMPLETED: "completed",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}


def status_of(job: Job) -> str:
    """A job's state in their word."""
    return _STATUS[job.state] if job.state else "failed"


def text_of(kind: str, now_ms: int, /, **fields: Any) -> str:
    """A message as JSON. Fields that are None are left out."""
    known = {name: value for name, value in fields.items() if value is not None}
    return dump_json({"type": kind, "timestamp": _seconds(now_ms), **known}).decode()


def accepted(stored: Submitted, place: int | None, now_ms: int) -> str:
    """The answer to `submit_job`."""
    told = {"job_id": stored.id, "status": "pending", "position": place, "notified_workers": int(stored.workable)}
    return text_of("job_accepted", now_ms, **told)


def status_text(job: Job, outcome: Mapping[str, Any] | None, now_ms: int, *, message: str | None = None) -> str:
    """The answer to `request_job_status` and `cancel_job`."""
    return text_of(
        "response_job_status",
        now_ms,
        job_id=job.id,
        status=status_of(job),
        progress=None if job.progress is None else round(job.progress),
        worker_id=job.worker,
        started_at=_seconds(job.started_at or job.claimed_at),
        completed_at=_seconds(job.ended_at),
        result=result_of(outcome) if job.state is JobState.COMPLETED else None,
        message=message or job.error or job.message,
    )


def progress_text(reported: Reported, worker: str | None, now_ms: int) -> str:
    """`update_job_progress`."""
    return text_of(
        "update_job_progress",
        now_ms,
        job_id=reported.job,
        worker_id=worker or "",
        progress=round(reported.percent or 0),
        status="processing",
        message=reported.message,
    )


def news_text(news: News, now_ms: int) -> str:
    """A job that has changed: `complete_job`, `fail_job`, or how it is."""
    job, outcome = news.job, news.outcome.value if news.outcome else None
    if job is None:
        return text_of("response_job_status", now_ms, job_id=news.job_id, status="cancelled", message="deleted")
    if job.state is JobState.COMPLETED:
        return text_of(
            "complete_job", now_ms, job_id=job.id, worker_id=job.worker or "", result=result_of(outcome) or {}
        )
    if job.state is JobState.FAILED:
        error = str(outcome["message"]) if outcome and "message" in outcome else job.error or job.code
        return text_of("fail_job", now_ms, job_id=job.id, worker_id=job.worker or "", error=error)
    return status_text(job, None, now_ms)


def result_of(outcome: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the worker made, and the files beside it."""
    if not outcome:
        return None
    data = outcome.get("data")
    made = dict(data) if isinstance(data, dict) else {"data": data}
    return {**made, "artifacts": outcome["artifacts"]} if outcome.get("artifacts") else made


def system_stats(summary: Summary, workers: Sequence[Worker], jobs: Sequence[Job]) -> dict[str, Any]:
    """`system` of a broadcast, and `stats` of an answer."""
    waiting = sum(summary.jobs.get(state, 0) for state in WAITING)
    status: dict[str, int] = {}
    for state, count in summary.jobs.items():
        word = _STATUS[JobState(state)]
        status[word] = status.get(word, 0) + count
    return {
        "queues": {"priority": waiting, "standard": 0, "total": waiting},
        "jobs": {"total": sum(status.values()), "status": status, "active_jobs": [_job(job) for job in jobs]},
        "workers": {
            "total": len(workers),
            "status": _counts(worker_status(worker) for worker in workers),
            "active_workers": [_worker(worker) for worker in workers],
        },
    }


def worker_status(worker: Worker) -> str:
    """A worker's state in their word."""
    if worker.state in (WorkerState.PAUSED, WorkerState.DRAINING):
        return "paused"
    if worker.state is not WorkerState.READY:
        return "offline"
    return "busy" if worker.active else "idle"


def workers_view(workers: Sequence[Worker]) -> dict[str, Any]:
    """`workers` of a broadcast."""
    return {
        worker.id: {
            "status": worker_status(worker),
            "connection_status": "connected",
            "is_accepting_jobs": worker.state is WorkerState.READY and len(worker.active) < worker.slots,
            "capabilities": worker.capabilities.to_json(),
            "supported_job_types": list(worker.services),
        }
        for worker in workers
    }


def is_end(event: Event) -> bool:
    """Whether nothing more comes of the event's job."""
    return event.state in ("completed", "failed", "cancelled", "deleted")


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "job_type": job.job_type or job.service,
        "status": status_of(job),
        "priority": job.priority,
        "worker_id": job.worker,
        "created_at": _seconds(job.created_at),
        "updated_at": _seconds(job.ended_at or job.claimed_at or job.created_at),
        "progress": job.progress,
    }


def _worker(worker: Worker) -> dict[str, Any]:
    return {
        "id": worker.id,
        "status": worker_status(worker),
        "connected_at": _seconds(worker.started_at),
        "jobs_processed": None,
        "last_heartbeat": _seconds(worker.beat_at),
        "current_job_id": next(iter(worker.active), None),
    }


def _counts(words: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1000
