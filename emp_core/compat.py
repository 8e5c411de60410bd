"""The classes of the earlier Redis queue, for programs that still use them: only their import changes.

    from emp_core.compat import JobMonitor, JobModel, RedisMonitor, RedisService, WorkerMonitor

They speak to a queue of emp through `Emp`, which new programs use themselves. What they return are mappings in the form
of `docs/json.md`, beside the names that the earlier queue had.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from emp_core.client.emp import Emp
from emp_core.domain.dialects import canonical_request
from emp_core.domain.job import Job
from emp_core.domain.states import RUNNING, WAITING, JobState
from emp_core.domain.views import job_view, worker_view
from emp_core.errors import NotFound

CLIENT = "client_id"
"""The label that keeps who submitted a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobModel:
    """A job as it is submitted."""

    job_id: str
    job_type: str
    priority: int = 0
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    client_id: str | None = None

    def request(self) -> Mapping[str, Any]:
        """The same as a request to emp."""
        asked = {"id": self.job_id, "type": self.job_type, "priority": self.priority, "params": dict(self.params)}
        labels = {"labels": {CLIENT: self.client_id}} if self.client_id else {}
        return {**canonical_request(asked), **labels}


class _Client:
    """Keeps a connection; without an address it finds the queue as `Emp` does."""

    def __init__(self, host: str | None = None, port: int = 6379, db: int = 0, password: str | None = None) -> None:
        secret = f":{quote(password, safe='')}@" if password else ""
        self._emp = Emp(f"redis://{secret}{host}:{port}/{db}" if host else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._emp.close()

    def _status(self, job_id: str) -> dict[str, Any] | None:
        try:
            job = self._emp.job(job_id)
        except NotFound:
            return None
        result = self._emp.result(job_id) if job.state is JobState.COMPLETED else None
        return {**_job(job), "result": result["data"] if result else None}


class RedisService(_Client):
    """Submits jobs, and says how they are."""

    def __init__(self, host: str = "localhost", port: int = 6379, db: int = 0, password: str | None = None) -> None:
        super().__init__(host, port, db, password)

    def add_job(
        self,
        job_id: str,
        job_type: str,
        priority: int,
        params: Mapping[str, Any],
        client_id: str | None = None,
    ) -> dict[str, Any]:
        """Submit a job; its status. The same job once more is stored once. Raises `InvalidInput` or `Conflict`."""
        model = JobModel(job_id=job_id, job_type=job_type, priority=priority, params=params, client_id=client_id)
        self._emp.submit(model.request())
        return _job(self._emp.job(job_id))

    def get_job_status(self, job_id: str) -> dict[str, Any] | None:
        """A job with its result, or None if there is no such job."""
        return self._status(job_id)


class JobMonitor(_Client):
    """Looks at jobs."""

    def get_job_details(self, job_id: str) -> dict[str, Any] | None:
        """A job with its result, or None if there is no such job."""
        return self._status(job_id)

    def get_active_jobs(self) -> list[dict[str, Any]]:
        """All jobs that run, in the order of their starts."""
        found: list[Job] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self._emp.jobs("status:active", limit=1_000, cursor=cursor)
            found += page.jobs
            cursor = page.cursor
        return [_job(job) for job in found]

    def get_completed_jobs(self, limit: int = 10) -> list[dict[str, Any]]:
        """The jobs that completed last, the newest first."""
        return [_job(job) for job in self._emp.jobs("status:completed", limit=limit).jobs]


class WorkerMonitor(_Client):
    """Looks at workers."""

    def get_all_workers(self) -> list[dict[str, Any]]:
        """Live workers by id."""
        return [_worker(view) for view in map(worker_view, self._emp.workers())]

    def get_worker_by_id(self, worker_id: str) -> dict[str, Any] | None:
        """A worker, or None if there is no such worker."""
        try:
            return _worker(worker_view(self._emp.worker(worker_id)))
        except NotFound:
            return None

    def get_worker_stats(self) -> dict[str, Any]:
        """How many workers live, by state, and how many of their slots are busy."""
        found = self._emp.summary()
        by_state = {state: count for state, count in found.workers.items() if count}
        return {
            "total": sum(found.workers.values()),
            "by_state": by_state,
            "slots": found.slots,
            "busy_slots": found.busy_slots,
            "services": dict(found.services),
        }


class RedisMonitor(_Client):
    """Looks at the queue as a whole."""

    def get_queue_stats(self) -> dict[str, Any]:
        """How many jobs there are, by state, and how long the oldest waits."""
        found = self._emp.summary()
        waited = None if found.oldest_pending_ms is None else found.oldest_pending_ms / 1000
        return {
            "total": sum(found.jobs.values()),
            "queued": _sum(found.jobs, sorted(WAITING)),
            "active": _sum(found.jobs, sorted(RUNNING)),
            "completed": found.jobs.get(JobState.COMPLETED, 0),
            "failed": found.jobs.get(JobState.FAILED, 0),
            "by_state": dict(found.jobs),
            "workers": sum(found.workers.values()),
            "oldest_pending_seconds": waited,
        }


def _sum(counts: Mapping[str, int], states: Sequence[str]) -> int:
    return sum(counts.get(state, 0) for state in states)


def _job(job: Job) -> dict[str, Any]:
    view = job_view(job)
    return {
        **view,
        "job_id": job.id,
        "status": view["state"],
        "client_id": job.labels.get(CLIENT),
        "worker_id": job.worker,
        "completed_at": view["ended_at"],
    }


def _worker(view: Mapping[str, Any]) -> dict[str, Any]:
    return {**view, "worker_id": view["id"], "status": view["state"], "machine_id": view["machine"]}
