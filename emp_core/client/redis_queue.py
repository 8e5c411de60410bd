"""`RedisQueue`: the queue over Redis and a file store."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Self

from emp_core.client import changes, results, submitting
from emp_core.client.file_store import Files, open_files
from emp_core.client.locate import Location
from emp_core.client.results import Outcome
from emp_core.client.this_process import this_process
from emp_core.domain.caller import Caller, Role
from emp_core.domain.job import Job, JobRequest
from emp_core.domain.outcome import Artifact
from emp_core.domain.policy import PATIENCE_SECONDS, SEARCHED_AT_MOST
from emp_core.errors import EmpError, InvalidInput, Misconfigured, NotFound
from emp_core.ids import is_id
from emp_core.store import open_store
from emp_core.store.connection import check_server, check_writes
from emp_core.store.inspector import More
from emp_core.store.memory import read_memory
from emp_core.store.order_refusal import order_refusal
from emp_core.store.submits import taken

if TYPE_CHECKING:
    from emp_core.artifacts import ArtifactStore
    from emp_core.domain.demand import Demand, Workflows
    from emp_core.domain.events import Event, Order
    from emp_core.domain.explain import Explanation, WorkerExplanation
    from emp_core.domain.filter import Filter
    from emp_core.domain.trend import Trend
    from emp_core.domain.worker import Worker, WorkerState
    from emp_core.store import (
        Attempt,
        ClassView,
        Memory,
        Page,
        Preview,
        Server,
        Stays,
        Store,
        Submitted,
        Summary,
        WaitingJob,
    )
    from emp_core.store.transfers import Transfers

CURSOR = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


class RedisQueue:
    """A queue as one caller sees it; see `Queue` for what each method does."""

    def __init__(self, store: Store, files: Files, caller: Caller) -> None:
        self._unscoped = store
        self._store = store.for_caller(caller)
        self._files = files
        self._caller = caller

    @property
    def caller(self) -> Caller:
        return self._caller

    @property
    def server(self) -> Server:
        return self._store.server

    def for_caller(self, caller: Caller) -> Self:
        return type(self)(self._unscoped, self._files, caller)

    async def check_server(self) -> Server:
        server = await check_server(self._store.link)
        await check_writes(self._store.link)
        return server

    def heard_since(self, moment: float) -> bool:
        return self._store.link.heard_since(moment)

    async def now_ms(self) -> int:
        return await self._store.inspector.now_ms()

    async def close(self) -> None:
        await self._files.close()
        await self._store.close()

    # Jobs that go in.

    async def submit_many(
        self, requests: Sequence[JobRequest], *, patience: float | None = None
    ) -> list[Submitted | EmpError]:
        self._caller.check_change(Role.CLIENT, "submit jobs")
        return await submitting.submit_many(self._store, self._files, requests, patience)

    async def preview(self, request: JobRequest) -> Explanation:
        self._caller.check_role(Role.CLIENT, "submit jobs")
        from emp_core.client import situation

        return await situation.preview(self._store, request)

    # Jobs that are there.

    async def resolve(self, prefix: str) -> str:
        return await self._store.inspector.resolve(prefix)

    async def find(self, prefix: str) -> Job:
        return await self._store.inspector.find(prefix)

    async def job(self, job_id: str) -> Job:
        return await self._store.inspector.job(job_id)

    async def jobs_by_id(self, job_ids: Sequence[str]) -> list[Job]:
        return await self._store.inspector.jobs_by_id(job_ids)

    async def jobs(
        self, wanted: Filter, *, limit: int, cursor: str = "", at_most: int | None = SEARCHED_AT_MOST
    ) -> Page:
        return await self._store.search.page(wanted, limit=limit, after=cursor, at_most=at_most)

    async def known(self, job_ids: Sequence[str]) -> set[str]:
        return await self._store.inspector.known(job_ids)

    async def deleted(self, job_ids: Sequence[str]) -> set[str]:
        return await self._store.inspector.deleted(job_ids)

    async def events_of(self, job_id: str) -> list[Event]:
        return await self._store.events.of_job(job_id)

    async def explain(self, job_id: str) -> Explanation:
        from emp_core.client import situation

        return await situation.explain_job(self._store, await self.job(job_id))

    # What they take and make.

    async def more_of(self, job: Job, *, body: bool = True) -> More:
        more = await self._store.inspector.more_of(job, body=body)
        if self._caller.role is Role.MONITOR:
            return More(body=b"", outcome=None, ahead_in_class=more.ahead_in_class, attempts=())
        return more

    async def payload(self, job_id: str) -> bytes:
        self._caller.check_role(Role.WORKER, "read payloads")
        body = await self._store.inspector.body(job_id)
        return body if body else await self._files().get_payload(job_id)

    async def open_payload(self, job_id: str) -> tuple[int, AsyncIterator[bytes]]:
        self._caller.check_role(Role.WORKER, "read payloads")
        await self._store.inspector.check_own(job_id)
        return await self._files().open_payload(job_id)

    async def outcome(self, job_id: str) -> Outcome:
        self._caller.check_role(Role.WORKER, "read results")
        outcome = results.outcome_of(await self._store.inspector.outcome(job_id))
        if outcome.value is None and not await self.known([job_id]):
            raise NotFound("job", job_id)
        return outcome

    async def whole(self, outcome: Outcome) -> dict[str, Any] | None:
        self._caller.check_role(Role.WORKER, "read results")
        return await results.whole(outcome, self._files() if outcome.file else None)

    async def as_json(self, outcome: Outcome) -> AsyncGenerator[bytes, None]:
        self._caller.check_role(Role.WORKER, "read results")
        async with aclosing(results.as_json(outcome, self._files() if outcome.file else None)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def log(self, job_id: str, start: int = 0) -> list[str]:
        self._caller.check_role(Role.WORKER, "read logs")
        return await self._store.inspector.log(job_id, start)

    async def watch_preview(self, job_id: str) -> None:
        self._caller.check_role(Role.WORKER, "read previews")
        await self._store.previews.watch(job_id)

    async def preview_of(self, job_id: str) -> Preview | None:
        self._caller.check_role(Role.WORKER, "read previews")
        return await self._store.previews.of(job_id)

    async def attempts(self, job_id: str) -> list[Attempt]:
        self._caller.check_role(Role.WORKER, "read what attempts reported")
        return await self._store.inspector.attempts(job_id)

    # Files.

    def check_files(self) -> None:
        self._files()

    async def list_files(self, job_id: str) -> tuple[Artifact, ...]:
        self._caller.check_role(Role.WORKER, "read files")
        if await self._store.inspector.is_taken(job_id):
            raise NotFound("job", job_id)
        return await self._files().list(job_id)

    async def file(self, file_id: str) -> Artifact:
        await self._check_file(file_id)
        return await self._files().get(file_id)

    async def open_file(self, file_id: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        await self._check_file(file_id)
        return await self._files().open(file_id, start=start, end=end)

    async def _check_file(self, file_id: str) -> None:
        self._caller.check_role(Role.WORKER, "read files")
        from emp_core.artifacts.contract import Place

        await self._store.inspector.check_own(Place.parse(file_id).job_id)

    async def put_input(self, job_id: str, name: str, chunks: AsyncIterator[bytes], *, media_type: str) -> Artifact:
        await self._check_free(job_id)
        return await self._files().put(job_id, 1, name, chunks, media_type=media_type, kind="input")

    async def put_payload(self, job_id: str, payload: bytes) -> None:
        await self._check_free(job_id)
        await self._files().put_payload(job_id, payload)

    async def _check_free(self, job_id: str) -> None:
        self._caller.check_change(Role.CLIENT, "submit jobs")
        if await self._store.inspector.is_taken(job_id):
            raise taken(job_id)

    def file_store(self) -> ArtifactStore:
        return self._files()

    # Orders to jobs.

    async def cancel(self, job_id: str, *, reason: str = "") -> str:
        self._caller.check_change(Role.CLIENT, "cancel jobs")
        return await self._store.broker.cancel(job_id, reason=reason)

    async def retry(self, job_id: str, *, reason: str = "") -> None:
        self._caller.check_change(Role.CLIENT, "retry jobs")
        await self._store.broker.retry(job_id, reason=reason)

    async def hold(self, job_id: str, *, reason: str = "") -> None:
        self._caller.check_change(Role.CLIENT, "hold jobs")
        await self._store.broker.hold(job_id, reason=reason)

    async def unhold(self, job_id: str, *, reason: str = "") -> None:
        self._caller.check_change(Role.CLIENT, "unhold jobs")
        await self._store.broker.unhold(job_id, reason=reason)

    async def requeue(self, job_id: str, *, reason: str = "") -> None:
        self._caller.check_change(Role.OPERATOR, "requeue jobs")
        await self._store.broker.requeue(job_id, reason=reason)

    async def set_priority(
        self, job_ids: Sequence[str], priority: int, *, reason: str = ""
    ) -> dict[str, EmpError | None]:
        self._caller.check_change(Role.CLIENT, "move jobs")
        words = await self._store.broker.set_priority(job_ids, priority, reason=reason)
        return {job_id: order_refusal("move", job_id, word) for job_id, word in words.items()}

    async def set_workflow_priority(self, workflow_id: str, priority: int, *, reason: str = "") -> int:
        self._caller.check_change(Role.CLIENT, "move jobs")
        return await self._store.broker.set_workflow_priority(workflow_id, priority, reason=reason)

    async def delete(self, job_ids: Sequence[str], *, reason: str = "") -> dict[str, EmpError | None]:
        self._caller.check_change(Role.OPERATOR, "delete jobs")
        words = await self._store.broker.delete(job_ids, reason=reason)
        with suppress(Misconfigured):  # the hub's sweep deletes files that cannot be reached from here
            await submitting.delete_files(self._files(), [job_id for job_id, word in words.items() if word == "ok"])
        return {job_id: order_refusal("delete", job_id, word) for job_id, word in words.items()}

    # Jobs that go to another queue, or come from one.

    @property
    def id(self) -> str:
        return self._store.files_id

    async def export_jobs(self, job_ids: Sequence[str]) -> dict[str, WaitingJob | Stays]:
        return await self._transfers().read(job_ids)

    async def import_jobs(
        self,
        jobs: Sequence[WaitingJob],
        *,
        moved_from: str = "",
        command: str = "",
        orphans: str = "",
        reason: str = "",
    ) -> list[Submitted | EmpError]:
        return await self._moves().store(jobs, moved_from=moved_from, command=command, orphans=orphans, reason=reason)

    async def begin_move(self, other: str, command: str) -> None:
        await self._moves().begin_move(other, command)

    async def leads_move(self, other: str, command: str) -> bool:
        return await self._moves().leads_move(other, command)

    async def keep_back(
        self, job_ids: Sequence[str], to: str, *, command: str = "", reason: str = ""
    ) -> dict[str, WaitingJob | Stays]:
        return await self._moves().keep_back(job_ids, to, reason, command)

    def children(self, job_id: str) -> AsyncIterator[list[str]]:
        return self._transfers().children(job_id)

    def moving(self) -> AsyncIterator[dict[str, str]]:
        return self._transfers().moving()

    async def release_moved(self, job_ids: Sequence[str], mark: str, *, command: str = "", reason: str = "") -> None:
        await self._moves().release(job_ids, mark, reason, command)

    async def forget_moved(
        self, job_ids: Sequence[str], mark: str, place: str, *, command: str = "", reason: str = ""
    ) -> None:
        await self._moves().forget(job_ids, mark, place, reason, command)

    def _moves(self) -> Transfers:
        self._caller.check_change(Role.OPERATOR, "move jobs between queues")
        return self._transfers()

    def _transfers(self) -> Transfers:
        self._caller.check_role(Role.OPERATOR, "move jobs between queues")
        self._caller.check_unscoped("move jobs between queues")
        return self._store.transfers

    # Workers.

    async def workers(self, *, gone: bool = False) -> list[Worker]:
        return await self._store.inspector.workers(gone=gone)

    async def worker(self, worker_id: str) -> Worker:
        return await self._store.inspector.worker(worker_id)

    async def steer(self, worker_id: str, state: WorkerState, *, reason: str = "") -> WorkerState:
        self._caller.check_change(Role.OPERATOR, "steer workers")
        self._caller.check_unscoped("steer workers")
        return await self._store.registry.steer(worker_id, state, reason=reason)

    async def explain_worker(self, worker_id: str) -> WorkerExplanation:
        self._caller.check_unscoped("explain workers")
        from emp_core.client import situation

        return await situation.explain_worker(self._store, await self.worker(worker_id))

    async def holds(self, job_id: str, worker: str, attempt: int, nonce: str) -> bool:
        return await self._store.inspector.holds(job_id, worker, attempt, nonce)

    # The queue as a whole.

    async def summary(self, *, workers: Sequence[Worker] | None = None, oldest: bool = True) -> Summary:
        return await self._store.inspector.summary(workers=workers, oldest=oldest)

    async def trend(self, minutes: int) -> Trend:
        return await self._store.inspector.trend(minutes)

    async def classes(self) -> list[ClassView]:
        return await self._store.inspector.waiting_classes()

    async def demand(self, *, workers: Sequence[Worker] | None = None) -> Demand:
        self._caller.check_unscoped("read the demand of all customers")
        from emp_core.store.demand import read_demand

        return await read_demand(self._store.link, await self.workers() if workers is None else workers)

    async def workflows(self) -> Workflows:
        self._caller.check_unscoped("list the workflows of all customers")
        from emp_core.store.demand import read_workflows

        return await read_workflows(self._store.link, await self.workers())

    async def memory(self, recent_ms: int) -> Memory:
        return await read_memory(self._store.link, recent_ms)

    async def limits(self) -> dict[str, int]:
        return await self._store.inspector.limits()

    async def set_limit(self, whose: str, maximum: int | None, *, reason: str = "") -> None:
        self._caller.check_change(Role.OPERATOR, "set limits")
        self._caller.check_unscoped("set limits")
        kind, _, name = whose.partition(":")
        if kind not in ("customer", "class") or not is_id(name):
            raise InvalidInput("whose", f"must be customer:ID or class:ID, not {whose!r}")
        if maximum is not None and maximum < 0:
            raise InvalidInput("maximum", f"must be at least 0, not {maximum}")
        await self._store.broker.set_limit(whose, maximum, reason=reason)

    async def recent_events(self, count: int, *, since: int = 0, until: int | None = None) -> list[Event]:
        return await self._store.events.recent(count, since=since, until=until)

    async def audit(self, count: int, before: str = "", *, since: int = 0, until: int | None = None) -> list[Order]:
        self._caller.check_role(Role.OPERATOR, "read the audit")
        if before and not CURSOR.fullmatch(before):
            raise InvalidInput("before", f"must be the cursor of an entry, such as 1767225600000-0, not {before!r}")
        return await self._store.events.orders(count, before, since=since, until=until)

    def watch(self, *, reports: bool = False, patience: float = PATIENCE_SECONDS) -> changes.Watch:
        return changes.Watch(self._store, reports=reports, patience=patience)


async def open_queue(location: Location, caller: Caller | None = None) -> RedisQueue:
    """Connect to the queue at a place. Raises `QueueUnavailable` or `Misconfigured`."""
    caller = caller or this_process()
    store = await open_store(location.url, location.prefix, location.max_connections, writes=not caller.read_only)
    return RedisQueue(store, Files(lambda: open_files(location, store.files_id)), caller)
