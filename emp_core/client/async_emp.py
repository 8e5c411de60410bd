"""`AsyncEmp`: the queue as programs and the command use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from emp_core.client import changes
from emp_core.client.locate import Location, locate
from emp_core.client.redis_queue import open_queue
from emp_core.client.results import Outcome, outcome_of
from emp_core.domain.events import Event
from emp_core.domain.job import Job, JobRequest
from emp_core.domain.outcome import Artifact
from emp_core.domain.policy import SEARCHED_AT_MOST
from emp_core.errors import EmpError, InvalidInput
from emp_core.ids import digest, new_job_id
from emp_core.urls import masked

if TYPE_CHECKING:
    from emp_core.client.queue import Attempt, ClassView, Page, Queue, Submitted, Summary
    from emp_core.domain.backlog import Backlog
    from emp_core.domain.events import Order
    from emp_core.domain.explain import Explanation, WorkerExplanation
    from emp_core.domain.filter import Filter
    from emp_core.domain.trend import Trend
    from emp_core.domain.worker import Worker, WorkerState

Request = JobRequest | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueInfo:
    """What the client is connected to."""

    source: str
    """What named the queue: an option, a variable, a file, or this machine."""

    engine: str
    durability: str
    """`always`, `everysec`, `os`, `memory` or `unknown`."""

    files: str
    """Where the files of jobs are, without credentials; empty if nothing says it."""

    context: str = ""
    """The context of the command that names the queue; empty: none."""


class AsyncEmp:
    """A client of the queue: `async with await AsyncEmp.connect() as emp`."""

    def __init__(self, queue: Queue, location: Location) -> None:
        self._queue = queue
        self._location = location

    @classmethod
    async def connect(cls, queue: str | None = None) -> Self:
        """Connect to a queue by its URL, or to the one that the environment or this machine has."""
        location = await locate(queue)
        return cls(await open_queue(location), location)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._queue.close()

    @property
    def queue(self) -> QueueInfo:
        """What this is connected to."""
        server = self._queue.server
        return QueueInfo(
            source=self._location.source,
            engine=f"{server.engine} {server.version}",
            durability=server.durability,
            files=masked(self._location.artifacts or ""),
            context=self._location.context,
        )

    async def now_ms(self) -> int:
        """The queue's time, which all times of jobs are told in: ms since 1970."""
        return await self._queue.now_ms()

    # Jobs that go in.

    async def submit(self, request: Request, *, inputs: Mapping[str, Path] | None = None) -> Submitted:
        """Store one job. `inputs` are files on this machine, by the names that the payload has for them."""
        parsed = _parsed(request)
        if inputs:
            parsed = await self._with_inputs(parsed, inputs)
        (answer,) = await self._queue.submit_many([parsed])
        if isinstance(answer, EmpError):
            raise answer
        return answer

    async def submit_many(self, requests: Sequence[Request]) -> list[Submitted | EmpError]:
        """Store jobs in order, each whole or not at all: for each the answer, or what was wrong with it."""
        parsed = [_parsed_or_error(request) for request in requests]
        valid = [request for request in parsed if isinstance(request, JobRequest)]
        answers = iter(await self._queue.submit_many(valid))
        return [next(answers) if isinstance(request, JobRequest) else request for request in parsed]

    async def preview(self, request: Request) -> Explanation:
        """What would become of a job if it were submitted now; changes nothing."""
        return await self._queue.preview(_parsed(request))

    async def _with_inputs(self, request: JobRequest, inputs: Mapping[str, Path]) -> JobRequest:
        if request.template is not None:
            raise InvalidInput("inputs", "work with a payload, not with a template")
        from emp_core.client import files

        # A repeated submit must name the same files, so its id follows from its key.
        key, customer = request.idempotency_key, request.customer_id or self._queue.caller.customer or ""
        job_id = request.id or (digest(f"{customer}/{key}") if key else new_job_id())
        stored = {name: await files.upload(self._queue, job_id, name, path) for name, path in inputs.items()}
        names = {name: artifact.id for name, artifact in stored.items()}
        payload = dict(request.payload or {})
        payload["files"] = {**payload.get("files", {}), **names}
        sent = {**request.sent, "inputs": {name: artifact.sha256 for name, artifact in stored.items()}}
        return replace(request, id=job_id, payload=payload, sent=sent)

    def check_files(self) -> None:
        """Raises `Misconfigured` if no setting says where job files are stored."""
        self._queue.check_files()

    # Jobs that are there.

    async def resolve(self, prefix: str) -> str:
        """The one job whose id begins so. Raises `NotFound` or `Ambiguous`."""
        return await self._queue.resolve(prefix)

    async def job(self, job_id: str) -> Job:
        """One job. Raises `NotFound`."""
        return await self._queue.job(job_id)

    async def jobs(
        self, wanted: Filter | str = "", *, limit: int = 50, cursor: str = "", search_all: bool = False
    ) -> Page:
        """The jobs that match a filter, such as `status:failed customer:acme`, a page at a time.

        `cursor` is that of the page before. Raises `InvalidInput` for a filter or a cursor that cannot be read.

        By status alone, running jobs come first, then waiting ones in the order of their claim, then ended ones, the
        newest first. By anything else, the last submitted come first. Conditions that no list serves are looked for
        in 20,000 jobs (`Page.of`), with `search_all` in all.
        """
        if isinstance(wanted, str):
            from emp_core.domain.filter import parse

            wanted = parse(wanted)
        at_most = None if search_all else SEARCHED_AT_MOST
        return await self._queue.jobs(wanted, limit=limit, cursor=cursor, at_most=at_most)

    async def jobs_by_id(self, job_ids: Sequence[str]) -> list[Job]:
        """Those of the jobs that exist, in the order given."""
        return await self._queue.jobs_by_id(job_ids)

    async def payload(self, job_id: str) -> bytes:
        """What the worker gets, as JSON: `{"payload": …}`, or a template with its params."""
        return await self._queue.payload(job_id)

    async def outcome(self, job_id: str) -> Outcome:
        """What the queue keeps of a job's end, without data that lies in a file. Raises `NotFound`."""
        return await self._queue.outcome(job_id)

    async def result(self, job_id: str) -> dict[str, Any] | None:
        """What a completed job made, or why a failed one failed; None if there is neither.

        The data is read from wherever it lies, and held in memory whole: `result_stream` does not.
        """
        return await self._queue.whole(await self.outcome(job_id))

    async def result_stream(self, job_id: str) -> AsyncGenerator[bytes, None]:
        """The same as JSON text, in chunks of about a MiB."""
        async with aclosing(self._queue.as_json(await self.outcome(job_id))) as chunks:
            async for chunk in chunks:
                yield chunk

    async def log(self, job_id: str) -> list[str]:
        """The kept log lines."""
        return await self._queue.log(job_id)

    async def came_of(self, job: Job) -> tuple[Outcome, list[Attempt]]:
        """The outcome of a job and the attempts that did not complete, in one read."""
        more = await self._queue.more_of(job, body=False)
        return outcome_of(more.outcome), list(more.attempts)

    async def attempts(self, job_id: str) -> list[Attempt]:
        """The attempts that did not complete, oldest first."""
        return await self._queue.attempts(job_id)

    async def artifacts(self, job_id: str) -> list[Artifact]:
        """The files of a job's outcome. What a worker stored that lost its claim is not among them."""
        outcome = (await self.outcome(job_id)).value or {}
        return [Artifact(**entry) for entry in outcome.get("artifacts", ())]

    async def download(self, job_id: str, directory: Path, name_template: str = "{name}") -> list[Path]:
        """Save the files of a job's result in a directory, and overwrite none there.

        They keep the names and folders that the service gave them. `name_template` changes that:
        `{job}-{index:03}.{ext}`, with the fields job, attempt, index, name, folder, stem, ext, node and kind.
        """
        from emp_core.client import files
        from emp_core.client.name_template import NameTemplate

        template = NameTemplate(name_template)
        outcome = await self.result(job_id) or {}
        found = [Artifact(**entry) for entry in outcome.get("artifacts", ())]
        nodes = files.nodes_of(outcome.get("data"))
        return await files.download(self._queue.open_file, found, directory, template, nodes) if found else []

    async def wait(
        self,
        job_ids: str | Sequence[str],
        *,
        any_of: bool = False,
        started: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - what programs expect it to be called
        on_end: changes.OnEnd = changes.ignore,
    ) -> list[Job]:
        """The jobs when all have ended, or the first of them has. Raises `TimeoutError`; the jobs go on.

        `started`: when they run already, or have ended.

        `on_end` is called with the jobs that have ended so far, at the start and whenever this changes.

        A job that is deleted meanwhile raises `Deleted`, a `NotFound` that has the other `jobs`: at once with
        `any_of`, else when these have ended.
        """
        names = [job_ids] if isinstance(job_ids, str) else list(job_ids)
        async with asyncio.timeout(timeout):
            return await changes.wait_for(self._queue, names, any_of=any_of, started=started, on_end=on_end)

    async def follow(self, job_id: str) -> AsyncGenerator[changes.Change, None]:
        """A job as it is, then every change of state, progress and log, up to its end."""
        async with aclosing(changes.follow(self._queue, job_id)) as news:
            async for change in news:
                yield change

    async def explain(self, job_id: str) -> Explanation:
        """Why a job is where it is."""
        return await self._queue.explain(job_id)

    # Orders to jobs. The reason is kept in the audit.

    async def cancel(self, job_id: str, *, reason: str = "") -> str:
        """Cancel: the state afterwards; a job that has ended stays as it is."""
        return await self._queue.cancel(job_id, reason=reason)

    async def retry(self, job_id: str, *, reason: str = "") -> None:
        """Run a failed or cancelled job anew."""
        await self._queue.retry(job_id, reason=reason)

    async def hold(self, job_id: str, *, reason: str = "") -> None:
        """Keep a waiting job back."""
        await self._queue.hold(job_id, reason=reason)

    async def unhold(self, job_id: str, *, reason: str = "") -> None:
        """Let a held job wait again, in its old place."""
        await self._queue.unhold(job_id, reason=reason)

    async def requeue(self, job_id: str, *, reason: str = "") -> None:
        """Take a running job from its worker."""
        await self._queue.requeue(job_id, reason=reason)

    async def set_priority(
        self, job_ids: Sequence[str], priority: int, *, reason: str = ""
    ) -> dict[str, EmpError | None]:
        """Move waiting jobs to another priority: for each None, or the error that says why it was not moved."""
        return await self._queue.set_priority(job_ids, priority, reason=reason)

    async def set_workflow_priority(self, workflow_id: str, priority: int, *, reason: str = "") -> int:
        """Move a workflow's waiting jobs, and those to come, to another priority. How many were moved."""
        return await self._queue.set_workflow_priority(workflow_id, priority, reason=reason)

    async def delete(self, job_ids: Sequence[str], *, reason: str = "") -> dict[str, EmpError | None]:
        """Forget ended jobs and their files: for each None, or the error that says why it was not deleted."""
        return await self._queue.delete(job_ids, reason=reason)

    # Workers, and the queue as a whole.

    async def workers(self, *, gone: bool = False) -> list[Worker]:
        """Live workers by id; with `gone` those remembered too."""
        return await self._queue.workers(gone=gone)

    async def worker(self, worker_id: str) -> Worker:
        """One worker. Raises `NotFound`."""
        return await self._queue.worker(worker_id)

    async def steer(self, worker_id: str, state: WorkerState, *, reason: str = "") -> WorkerState:
        """Pause, resume or drain a worker. The state before."""
        return await self._queue.steer(worker_id, state, reason=reason)

    async def explain_worker(self, worker_id: str) -> WorkerExplanation:
        """What a worker would take next, what it skips, and why."""
        return await self._queue.explain_worker(worker_id)

    async def summary(self, *, workers: Sequence[Worker] | None = None, oldest: bool = True) -> Summary:
        """The queue at a glance; see `Queue.summary` for what `workers` and `oldest` save."""
        return await self._queue.summary(workers=workers, oldest=oldest)

    async def trend(self, minutes: int) -> Trend:
        """What the queue did in each of the last minutes, 1,500 at most."""
        return await self._queue.trend(minutes)

    async def backlog(self, shown: int = 10, *, workers: Sequence[Worker] | None = None) -> Backlog:
        """Which kinds of jobs wait for how long, and which can never run and why; `shown` kinds of each list.

        `workers`: the live ones, if they were just read.
        """
        from emp_core.domain.backlog import backlog

        demand, now = await self._queue.demand(workers=workers), await self._queue.now_ms()
        # A thousand classes and hundreds of profiles take a while: the loop goes on meanwhile.
        return await asyncio.to_thread(backlog, demand, now, shown)

    async def classes(self) -> list[ClassView]:
        """The classes with waiting jobs, the one with the best job first; at most 1,000."""
        return await self._queue.classes()

    async def limits(self) -> dict[str, int]:
        """`customer:<id>` or `class:<id>` -> how many of its jobs may run at once."""
        return await self._queue.limits()

    async def set_limit(self, whose: str, maximum: int | None, *, reason: str = "") -> None:
        """Set how many jobs of `customer:<id>` or `class:<id>` may run at once; None takes the limit away."""
        await self._queue.set_limit(whose, maximum, reason=reason)

    async def recent_events(self, count: int = 50, *, since: int = 0, until: int | None = None) -> list[Event]:
        """The newest events, oldest first; only those from `since` to `until`, in ms since 1970."""
        return await self._queue.recent_events(count, since=since, until=until)

    async def events_of(self, job_id: str) -> list[Event]:
        """The last 200 events of a job, oldest first."""
        return await self._queue.events_of(job_id)

    async def audit(
        self, count: int = 50, before: str = "", *, since: int = 0, until: int | None = None
    ) -> list[Order]:
        """The newest orders of people and programs, or the newest before an entry's cursor; oldest first.

        Only those from `since` to `until`, in ms since 1970.
        """
        return await self._queue.audit(count, before, since=since, until=until)

    async def watch(self) -> AsyncGenerator[Event, None]:
        """Every event from now on; an event called `resync` means that some were missed."""
        async with self._queue.watch() as watch:
            while True:
                batch = await watch.next()
                if batch.resync:
                    yield Event(cursor=batch.cursor, name="resync", job="")
                for event in batch.events:
                    yield event


def _parsed(request: Request) -> JobRequest:
    return request if isinstance(request, JobRequest) else JobRequest.parse(request)


def _parsed_or_error(request: Request) -> JobRequest | EmpError:
    try:
        return _parsed(request)
    except InvalidInput as error:
        return error
