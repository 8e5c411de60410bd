"""`Queue`: what can be asked of a queue, whatever is between: the command, the library and the hub's routes ask it.

Every operation may raise `QueueUnavailable`, and `Forbidden` if the caller's role or customer does not allow it. For a
caller of one customer the jobs of others do not exist: it gets `NotFound`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, Self

from emp_core.domain.policy import PATIENCE_SECONDS, SEARCHED_AT_MOST
from emp_core.on_demand import on_demand

if TYPE_CHECKING:
    from emp_core.artifacts import ArtifactStore
    from emp_core.client.results import Outcome
    from emp_core.domain.caller import Caller
    from emp_core.domain.demand import Demand, Workflows
    from emp_core.domain.events import Event, Order
    from emp_core.domain.explain import Explanation, WorkerExplanation
    from emp_core.domain.filter import Filter
    from emp_core.domain.job import Job, JobRequest
    from emp_core.domain.outcome import Artifact
    from emp_core.domain.trend import Trend
    from emp_core.domain.worker import Worker, WorkerState
    from emp_core.errors import EmpError
    from emp_core.store import (
        Attempt,
        Batch,
        ClassView,
        Memory,
        Page,
        Preview,
        Server,
        Stays,
        Submitted,
        Summary,
        WaitingJob,
    )
    from emp_core.store.inspector import More

__all__ = ["Attempt", "Batch", "ClassView", "Page", "Preview", "Queue", "Submitted", "Summary"]


__getattr__ = on_demand(__name__, {"emp_core.store": "Attempt Batch ClassView Page Preview Submitted Summary"})


class Watching(Protocol):
    """The events from a moment on, in batches."""

    @property
    def cursor(self) -> str:
        """The place of the last event that was read, or of the newest one before the watch."""
        ...

    async def next(self, block_ms: int = ...) -> Batch:
        """What happened since the last call, or nothing after `block_ms`. Raises `QueueUnavailable`, and can go on."""
        ...


class Queue(Protocol):
    """A queue, as one caller sees it."""

    # The connection.

    @property
    def caller(self) -> Caller: ...

    @property
    def server(self) -> Server:
        """What the queue lies in, as it was when it was opened."""
        ...

    def for_caller(self, caller: Caller) -> Self:
        """The same queue for another caller, over the same connections."""
        ...

    async def check_server(self) -> Server:
        """See whether the server can do its work and takes writes. Raises `QueueUnavailable` or `Misconfigured`."""
        ...

    def heard_since(self, moment: float) -> bool:
        """Whether the queue has answered any call since a moment of the loop's clock."""
        ...

    async def now_ms(self) -> int:
        """The queue's time, which all times of jobs are told in: ms since 1970."""
        ...

    async def close(self) -> None:
        """Close the connections, also those of the same queue for other callers."""
        ...

    # Jobs that go in.

    async def submit_many(
        self, requests: Sequence[JobRequest], *, patience: float | None = None
    ) -> list[Submitted | EmpError]:
        """Store jobs in order, each whole or not at all: for each the answer, or what was wrong with it.

        `patience`: the seconds that the queue may take for a call; the time of the file store does not count.

        Raises `QueueUnavailable` if no job got an answer. Its `job_ids`, and those of an error of one job, name the
        jobs that may be stored all the same: submit them with these ids again.
        """
        ...

    async def preview(self, request: JobRequest) -> Explanation:
        """What would become of a job if it were submitted now; changes nothing."""
        ...

    # Jobs that are there.

    async def resolve(self, prefix: str) -> str:
        """The one job whose id is this or begins so. Raises `NotFound` or `Ambiguous`."""
        ...

    async def find(self, prefix: str) -> Job:
        """The same, with its state."""
        ...

    async def job(self, job_id: str) -> Job:
        """One job. Raises `NotFound`."""
        ...

    async def jobs_by_id(self, job_ids: Sequence[str]) -> list[Job]:
        """Those of the jobs that exist, in the order given."""
        ...

    async def jobs(
        self, wanted: Filter, *, limit: int, cursor: str = "", at_most: int | None = SEARCHED_AT_MOST
    ) -> Page:
        """The jobs that match a filter, behind the page that had this cursor. Raises `InvalidInput` for a wrong one.

        At most `at_most` jobs are read, None: all. `Page.of` says if that ended the search.
        """
        ...

    async def known(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that exist."""
        ...

    async def deleted(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that were deleted less than a day ago."""
        ...

    async def events_of(self, job_id: str) -> list[Event]:
        """The last 200 events of a job, oldest first; none of one that is not there."""
        ...

    async def explain(self, job_id: str) -> Explanation:
        """Why a job is where it is. Raises `NotFound`."""
        ...

    # What they take and make.

    async def more_of(self, job: Job, *, body: bool = True) -> More:
        """What is shown of one job and not in lists; a monitor sees only its place in line. `body`: the payload too."""
        ...

    async def payload(self, job_id: str) -> bytes:
        """What the worker gets, as JSON: `{"payload": …}`, or a template with its params. Raises `NotFound`."""
        ...

    async def open_payload(self, job_id: str) -> tuple[int, AsyncIterator[bytes]]:
        """The size and the bytes of a payload that was too large for the queue. Raises `NotFound`."""
        ...

    async def outcome(self, job_id: str) -> Outcome:
        """What the queue keeps of a job's end, without data that lies in a file. Raises `NotFound`."""
        ...

    async def whole(self, outcome: Outcome) -> dict[str, Any] | None:
        """An outcome with its data, which is held in memory whole. Raises `NotFound` if the data's file is gone."""
        ...

    def as_json(self, outcome: Outcome) -> AsyncGenerator[bytes, None]:
        """The same as JSON text, in chunks of about a MiB."""
        ...

    async def log(self, job_id: str, start: int = 0) -> list[str]:
        """The kept log lines from `start` on; none of a job that is not there."""
        ...

    async def watch_preview(self, job_id: str) -> None:
        """Ask a job's worker for its previews. The worker stops sending them five seconds after the last call."""
        ...

    async def preview_of(self, job_id: str) -> Preview | None:
        """The latest picture of a running job; None if nobody has asked for it, or its service makes none."""
        ...

    async def attempts(self, job_id: str) -> list[Attempt]:
        """The attempts that did not complete, oldest first; none of a job that is not there."""
        ...

    # Files.

    def check_files(self) -> None:
        """Raises `Misconfigured` if no setting says where job files are stored."""
        ...

    async def list_files(self, job_id: str) -> tuple[Artifact, ...]:
        """All files that are stored under a job's id, by attempt, in the order in which they were begun."""
        ...

    async def file(self, file_id: str) -> Artifact:
        """What is known of a file. Raises `NotFound`."""
        ...

    async def open_file(self, file_id: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """A file's bytes from `start` up to, not including, `end`. Raises `NotFound`."""
        ...

    async def put_input(self, job_id: str, name: str, chunks: AsyncIterator[bytes], *, media_type: str) -> Artifact:
        """Store a file for a job before it is submitted. Raises `Conflict` if the id is another customer's job's."""
        ...

    async def put_payload(self, job_id: str, payload: bytes) -> None:
        """Store a payload that is too large for the queue, before its job is submitted. Raises `Conflict`."""
        ...

    def file_store(self) -> ArtifactStore:
        """Where the queue's files are. Raises `Misconfigured` if no setting says it."""
        ...

    # Orders to jobs. `reason` is kept in the audit.

    async def cancel(self, job_id: str, *, reason: str = "") -> str:
        """Cancel: the state afterwards; a job that has ended stays as it is. Raises `NotFound`."""
        ...

    async def retry(self, job_id: str, *, reason: str = "") -> None:
        """Run a failed or cancelled job again. Raises `NotFound` or `Conflict`."""
        ...

    async def hold(self, job_id: str, *, reason: str = "") -> None:
        """Keep a waiting job back. Raises `NotFound` or `Conflict`."""
        ...

    async def unhold(self, job_id: str, *, reason: str = "") -> None:
        """Let a held job wait again, in its old place. Raises `NotFound` or `Conflict`."""
        ...

    async def requeue(self, job_id: str, *, reason: str = "") -> None:
        """Take a running job from its worker. Raises `NotFound` or `Conflict`."""
        ...

    async def set_priority(
        self, job_ids: Sequence[str], priority: int, *, reason: str = ""
    ) -> dict[str, EmpError | None]:
        """Move waiting jobs to another priority: for each None, or the error that says why it was not moved."""
        ...

    async def set_workflow_priority(self, workflow_id: str, priority: int, *, reason: str = "") -> int:
        """Move a workflow's waiting jobs, and those to come. How many were moved."""
        ...

    async def delete(self, job_ids: Sequence[str], *, reason: str = "") -> dict[str, EmpError | None]:
        """Forget ended jobs and their files: for each None, or the error that says why it was not deleted."""
        ...

    # Jobs that go to another queue, or come from one. Only an operator may do this.

    @property
    def id(self) -> str:
        """The queue's own id. Raises `QueueUnavailable` if it has none and Redis takes no writes."""
        ...

    async def export_jobs(self, job_ids: Sequence[str]) -> dict[str, WaitingJob | Stays]:
        """For each the job as another queue can store it, with its payload, or why it does not wait."""
        ...

    async def import_jobs(
        self,
        jobs: Sequence[WaitingJob],
        *,
        moved_from: str = "",
        command: str = "",
        orphans: str = "",
        reason: str = "",
    ) -> list[Submitted | EmpError]:
        """Store jobs in order in their old places, each whole or not at all: for each the answer, or what was wrong.

        A job that waits for one that is not there is `NotFound`; with `orphans` it is stored all the same, and held
        (`hold`) or failed (`fail`). Those of a move (`moved_from`: a queue's id) wait for `release_moved`.
        """
        ...

    async def begin_move(self, other: str, command: str) -> None:
        """Let only this command move jobs to or from another queue. Later steps of an earlier one raise `Conflict`."""
        ...

    async def leads_move(self, other: str, command: str) -> bool:
        """Whether no other command has begun to move jobs since."""
        ...

    async def keep_back(
        self, job_ids: Sequence[str], to: str, *, command: str = "", reason: str = ""
    ) -> dict[str, WaitingJob | Stays]:
        """Keep waiting jobs from running because they move to another queue: for each the job without its payload, or
        why it stays. Repeat it, and the answer is the same."""
        ...

    def children(self, job_id: str) -> AsyncIterator[list[str]]:
        """The jobs that wait for a job, some at a time."""
        ...

    def moving(self) -> AsyncIterator[dict[str, str]]:
        """The jobs that move, some at a time: `to` or `from`, and the other queue's id."""
        ...

    async def release_moved(self, job_ids: Sequence[str], mark: str, *, command: str = "", reason: str = "") -> None:
        """End the move of jobs that stay here: they wait again in their old places. `mark` is that of `moving`."""
        ...

    async def forget_moved(
        self, job_ids: Sequence[str], mark: str, place: str, *, command: str = "", reason: str = ""
    ) -> None:
        """Forget jobs that another queue has. `place` says for a day where they are; empty: they never were here."""
        ...

    # Workers.

    async def workers(self, *, gone: bool = False) -> list[Worker]:
        """Live workers by id; with `gone` those remembered too."""
        ...

    async def worker(self, worker_id: str) -> Worker:
        """One worker. Raises `NotFound`."""
        ...

    async def steer(self, worker_id: str, state: WorkerState, *, reason: str = "") -> WorkerState:
        """Pause, resume or drain a worker. The state before. Raises `NotFound`."""
        ...

    async def explain_worker(self, worker_id: str) -> WorkerExplanation:
        """What a worker would take next, what it skips, and why. Raises `NotFound`."""
        ...

    async def holds(self, job_id: str, worker: str, attempt: int, nonce: str) -> bool:
        """Whether a job runs under this claim of a worker."""
        ...

    # The queue as a whole.

    async def summary(self, *, workers: Sequence[Worker] | None = None, oldest: bool = True) -> Summary:
        """The queue at a glance. Two savings: `workers`, the live ones, if they were just read; and without `oldest`
        nobody looks for the oldest pending job, and `oldest_pending_ms` is None."""
        ...

    async def trend(self, minutes: int) -> Trend:
        """What the queue did in each of the last minutes, 1,500 at most. Raises `InvalidInput`."""
        ...

    async def classes(self) -> list[ClassView]:
        """The classes with waiting jobs, the one with the best job first; at most 1,000."""
        ...

    async def demand(self, *, workers: Sequence[Worker] | None = None) -> Demand:
        """What waits and runs by class, and which profiles fit; `Demand` says what was not read. `workers`: the live
        ones, if they were just read."""
        ...

    async def workflows(self) -> Workflows:
        """The workflows of running jobs and of the best pending ones, and those that workers are reserved for."""
        ...

    async def memory(self, recent_ms: int) -> Memory:
        """How full Redis is; a job that ended less than `recent_ms` ago counts as recent."""
        ...

    async def limits(self) -> dict[str, int]:
        """`customer:<id>` or `class:<id>` -> how many of its jobs may run at once."""
        ...

    async def set_limit(self, whose: str, maximum: int | None, *, reason: str = "") -> None:
        """Set how many jobs of `customer:<id>` or `class:<id>` may run at once; None takes the limit away."""
        ...

    async def recent_events(self, count: int, *, since: int = 0, until: int | None = None) -> list[Event]:
        """The newest events, oldest first; only those from `since` to `until`, in ms since 1970."""
        ...

    async def audit(self, count: int, before: str = "", *, since: int = 0, until: int | None = None) -> list[Order]:
        """The newest orders, or the newest before an entry's cursor, oldest first; only from `since` to `until`, ms."""
        ...

    def watch(
        self, *, reports: bool = False, patience: float = PATIENCE_SECONDS
    ) -> AbstractAsyncContextManager[Watching]:
        """The events from now on, over a connection of their own; with `reports` what workers report of jobs too.

        `patience`: the seconds for which the queue may be away before `next` raises; it may be called again.
        """
        ...
