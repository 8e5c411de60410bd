"""What the tabs of the job screen read: the job each time, and what the open tab shows of it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from emp_cli.tui.reads import Read
from emp_core.domain.caller import Role
from emp_core.domain.policy import MAX_WHOLE_RESULT, POLICY
from emp_core.domain.states import JobState
from emp_core.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emp_core.client.queue import Attempt, Preview, Queue
    from emp_core.domain.events import Event
    from emp_core.domain.explain import Explanation
    from emp_core.domain.job import Job
    from emp_core.domain.outcome import Artifact

T = TypeVar("T")

MOST_CHILDREN = 50
"""Children that are shown."""


@dataclass(frozen=True, slots=True)
class JobSeen(Generic[T]):
    """The job, and what a tab shows of it."""

    job: "Job"
    more: T


@dataclass(frozen=True)
class JobRead(Read[JobSeen[Any]]):
    """A job and no more. The others read more of it."""

    period = 0.5

    name: str
    """Its id, or the first characters of it."""

    exact: bool = False
    """Whether the name is the whole id, so that no other job is meant when this one is deleted."""

    async def read(self, queue: "Queue") -> JobSeen[Any]:
        job = await (queue.job(self.name) if self.exact else queue.find(self.name))
        return JobSeen(job, await self.more(queue, job))

    async def more(self, queue: "Queue", job: "Job") -> Any:
        """What the tab shows beside the job. Raises `EmpError`."""
        return None


@dataclass(frozen=True, slots=True)
class Family:
    """What the summary shows."""

    outcome: "Mapping[str, Any] | None"
    """Of a failed job."""

    parents: "Sequence[Job]"
    """Those that still exist."""

    children: "Sequence[Job] | None"
    """The first of those that wait for it; None: the caller may not list them."""

    more_children: bool


@dataclass(frozen=True)
class SummaryRead(JobRead):
    """What is known of a job, and which jobs it waits for or keeps waiting."""

    async def more(self, queue: "Queue", job: "Job") -> Family:
        outcome = (await queue.outcome(job.id)).value if job.state is JobState.FAILED else None
        parents = await queue.jobs_by_id(job.depends_on) if job.depends_on else ()
        try:
            names = sorted(await anext(queue.children(job.id)))
            children = await queue.jobs_by_id(names[:MOST_CHILDREN]) if names else ()
        except Forbidden:
            return Family(outcome, parents, None, more_children=False)
        return Family(outcome, parents, children, len(names) > MOST_CHILDREN)


@dataclass(frozen=True)
class ExplainRead(JobRead):
    """Why the job is where it is."""

    period = 2.0

    async def more(self, queue: "Queue", job: "Job") -> "Explanation":
        return await queue.explain(job.id)


@dataclass(frozen=True, slots=True)
class Past:
    """What the timeline shows."""

    events: "Sequence[Event]"
    attempts: "Sequence[Attempt]"


@dataclass(frozen=True)
class TimelineRead(JobRead):
    """What happened to the job."""

    period = 1.0

    async def more(self, queue: "Queue", job: "Job") -> Past:
        return Past(await queue.events_of(job.id), await queue.attempts(job.id))


@dataclass(frozen=True)
class ProgressRead(JobRead):
    """The latest preview of a running job. Reading it is what makes its worker send one."""

    period = 1.0

    async def more(self, queue: "Queue", job: "Job") -> "Preview | None":
        if job.state is not JobState.ACTIVE:
            return None
        await queue.watch_preview(job.id)
        return await queue.preview_of(job.id)


@dataclass(slots=True)
class KeptLog:
    """The log lines that were read so far."""

    lines: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class LogRead(JobRead):
    """The log. Of lines that were read before only the last are read again, until the queue begins to drop some."""

    kept: KeptLog = field(default_factory=KeptLog, compare=False)

    async def more(self, queue: "Queue", job: "Job") -> list[str]:
        known = self.kept.lines
        if not 0 < len(known) < POLICY.log_lines:
            self.kept.lines = await queue.log(job.id)
            return self.kept.lines
        last = len(known) - 1
        new = await queue.log(job.id, last)
        is_continued = new[:1] == known[-1:] and last + len(new) < POLICY.log_lines
        self.kept.lines = [*known, *new[1:]] if is_continued else await queue.log(job.id)
        return self.kept.lines


@dataclass(frozen=True, slots=True)
class Payload:
    """What the payload tab shows."""

    text: bytes | None
    """JSON; None: it is in the file store and was not loaded."""

    size: int


@dataclass(frozen=True)
class PayloadRead(JobRead):
    """The payload, which never changes. One in the file store is only read if it is asked for."""

    load: bool = False

    async def more(self, queue: "Queue", job: "Job") -> Payload:
        queue.caller.check_role(Role.WORKER, "read payloads")
        text = (await queue.more_of(job)).body
        if text is not None:
            return Payload(text, len(text))
        size, chunks = await queue.open_payload(job.id)
        if self.load and size <= MAX_WHOLE_RESULT:
            return Payload(b"".join([chunk async for chunk in chunks]), size)
        await anext(chunks, b"")  # a generator that never began does not close its connection
        return Payload(None, size)


@dataclass(frozen=True)
class AttemptsRead(JobRead):
    """The attempts that did not complete."""

    period = 1.0

    async def more(self, queue: "Queue", job: "Job") -> "Sequence[Attempt]":
        return await queue.attempts(job.id)


@dataclass(frozen=True)
class FilesRead(JobRead):
    """The files of the result."""

    period = 1.0

    async def more(self, queue: "Queue", job: "Job") -> "Sequence[Artifact]":
        from emp_core.domain.outcome import Artifact

        outcome = (await queue.outcome(job.id)).value or {}
        return [Artifact(**entry) for entry in outcome.get("artifacts", ())]
