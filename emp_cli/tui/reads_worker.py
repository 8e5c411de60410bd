"""One worker, as far as a tab of its screen shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emp_cli.input.worker_names import named
from emp_cli.tui.reads import Read
from emp_core.domain.explain import WorkerExplanation
from emp_core.domain.filter import Filter
from emp_core.domain.job import Job
from emp_core.domain.states import ENDED
from emp_core.domain.worker import Worker
from emp_core.errors import NotFound

if TYPE_CHECKING:
    from emp_core.client.queue import Queue

LAST = 50
"""Ended jobs that are shown, and of which the failure rate is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneWorker:
    """A worker, and what the open tab shows of it."""

    worker: Worker
    running: Sequence[Job] = ()
    explanation: WorkerExplanation | None = None
    ended: Sequence[Job] = ()


@dataclass(frozen=True)
class WorkerRead(Read[OneWorker]):
    """One worker, by its id or the first characters of it."""

    period = 2.0
    name: str
    tab: str

    async def read(self, queue: "Queue") -> OneWorker:
        worker = await self._worker(queue)
        if self.tab == "slots":
            return OneWorker(worker=worker, running=await queue.jobs_by_id(worker.active))
        if self.tab == "queue":
            return OneWorker(worker=worker, explanation=await queue.explain_worker(worker.id))
        if self.tab == "ended":
            page = await queue.jobs(Filter.of(worker=worker.id, status=ENDED), limit=LAST)
            return OneWorker(worker=worker, ended=page.jobs)
        return OneWorker(worker=worker)

    async def _worker(self, queue: "Queue") -> Worker:
        try:
            return await queue.worker(self.name)
        except NotFound:
            return named({worker.id: worker for worker in await queue.workers(gone=True)}, self.name)
