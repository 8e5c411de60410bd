"""The workers of this machine, with what the queue knows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emp_cli.context import Session, connected
from emp_cli.local.roster import LocalProcess
from emp_cli.output.columns import WORKER_STYLES
from emp_cli.output.layout import Column, Sheet
from emp_cli.output.units import since
from emp_core.domain import json_fields
from emp_core.domain.views import time_view
from emp_core.domain.worker import Worker
from emp_core.errors import AccessDenied, EmpError, QueueUnavailable


@dataclass(frozen=True, slots=True)
class LocalWorker:
    """A process of this machine, and the worker that it is."""

    process: LocalProcess
    known: Worker | None
    """None if the queue does not answer, or it works for another queue."""

    @property
    def state(self) -> str:
        """The state that the queue knows; `running` if it knows none."""
        if not self.process.lives:
            return "died"
        return self.known.state.value if self.known else "running"

    @property
    def jobs(self) -> tuple[str, ...] | None:
        """The jobs that it runs; None if that is not known."""
        return self.known.active if self.known else None


async def with_jobs(session: Session, entries: Sequence[LocalProcess]) -> tuple[list[LocalWorker], EmpError | None]:
    """What the queue knows of these, and the error if it cannot be asked."""
    if not entries:
        return [], None
    try:
        async with connected(session) as emp:
            workers = {worker.id: worker for worker in await emp.workers(gone=True)}
    except (QueueUnavailable, AccessDenied) as error:
        return [LocalWorker(entry, None) for entry in entries], error
    return [LocalWorker(entry, _same(entry, workers.get(entry.name))) for entry in entries], None


def _same(entry: LocalProcess, worker: Worker | None) -> Worker | None:
    """The worker, if it is this process: another queue may have one of that name."""
    mine = {"pid": entry.pid, "pid_began": entry.pid_began, "pid_space": entry.pid_space}
    return worker if worker and {name: worker.info.get(name) for name in mine} == mine else None


def _view(worker: LocalWorker) -> dict[str, Any]:
    process = worker.process
    return {
        "id": process.name,
        "state": worker.state,
        "pid": process.pid,
        "started_at": time_view(process.started_at),
        "jobs": None if worker.jobs is None else list(worker.jobs),
        "log": process.log or None,
        "arguments": list(process.arguments),
        "directory": process.directory,
    }


COLUMNS: tuple[Column[LocalWorker], ...] = (
    Column("WORKER", lambda worker, now: worker.process.name),
    Column("STATE", lambda worker, now: worker.state, style=lambda worker: _style(worker.state)),
    Column("PID", lambda worker, now: str(worker.process.pid), "right"),
    Column(
        "UPTIME", lambda worker, now: since(worker.process.started_at, now) if worker.process.lives else "", "right"
    ),
    Column("JOBS", lambda worker, now: "?" if worker.jobs is None else str(len(worker.jobs)), "right"),
    Column("LOG", lambda worker, now: worker.process.log or "(its terminal)", shrinks=True),
)

LOCAL_WORKERS = Sheet(COLUMNS, _view, lambda worker: worker.process.name, json_fields.LOCAL_WORKER)


def _style(state: str) -> str:
    return "red" if state == "died" else next((style for name, style in WORKER_STYLES.items() if name == state), "")
