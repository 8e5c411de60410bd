"""Wait for jobs and follow them by the event stream, and by a fresh read after a gap in the stream."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from emp_core.client.queue import Queue
from emp_core.domain.events import Event
from emp_core.domain.job import Job
from emp_core.domain.policy import PATIENCE_SECONDS
from emp_core.domain.states import RUNNING, TERMINAL, JobState
from emp_core.errors import Deleted, NotFound, QueueUnavailable
from emp_core.store import Batch, Store

BLOCK_MS = 5_000
READ_AT_ONCE = 500

LOOK_AGAIN_SECONDS = 60.0
"""How often a wait reads all its jobs, as a damaged job that is deleted leaves no event."""


OnEnd = Callable[[Sequence[Job]], None]
"""Called with the jobs that have ended so far, at the start of a wait and whenever this changes."""


def ignore(jobs: Sequence[Job]) -> None:
    """No caller wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is new about a job."""

    job: Job
    events: tuple[Event, ...] = ()
    lines: tuple[str, ...] = ()
    """Log lines since the last change."""


class Watch:
    """The event stream on a connection of its own; `resync` means that events may have been missed."""

    def __init__(self, store: Store, *, reports: bool = False, patience: float = PATIENCE_SECONDS) -> None:
        self._link = store.blocking_link()
        self._bus = store.events.over(self._link)
        self._reads_reports = reports
        self._patience = patience
        self.cursor = ""
        """The place of the last event that was read, or of the newest one before the watch."""

        self._reports: str | None = None

    async def __aenter__(self) -> Self:
        try:
            self.cursor = await self._bus.latest()
            self._reports = await self._bus.latest_report() if self._reads_reports else None
        except BaseException:
            await self._link.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._link.close()

    async def next(self, block_ms: int = BLOCK_MS) -> Batch:
        """What happened since the last call, or nothing after a while. Raises `QueueUnavailable`; call it again."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._patience
        resync = False
        while True:
            try:
                batch = await self._bus.after(self.cursor, reports=self._reports, block_ms=block_ms)
            except QueueUnavailable:
                if loop.time() > give_up_at:
                    raise
                resync = True
                await asyncio.sleep(0.2)
                continue
            self.cursor = batch.cursor
            self._reports = batch.reports_cursor if self._reads_reports else None
            return replace(batch, resync=resync or batch.resync)


async def wait_for(
    queue: Queue, job_ids: Sequence[str], *, any_of: bool = False, started: bool = False, on_end: OnEnd = ignore
) -> list[Job]:
    """The jobs when all have ended, or the first of them has. Raises `NotFound`, or `Deleted` with the other jobs.

    With `started` a job that runs counts as one that has ended.

    A job that is deleted ends the wait for it, so with `any_of` the whole wait.
    """
    async with queue.watch() as watch:
        wait = _Wait(queue, job_ids, (*TERMINAL, *RUNNING) if started else TERMINAL)
        await wait.begin()
        on_end(wait.ended)
        while wait.still_open and not (any_of and wait.has_end):
            before = wait.ended
            await wait.look(await watch.next())
            if wait.ended != before:
                on_end(wait.ended)
    if wait.deleted:
        others = [job for job_id, job in wait.jobs.items() if job_id not in wait.deleted]
        raise Deleted([job_id for job_id in wait.job_ids if job_id in wait.deleted], others)
    return [wait.jobs[job_id] for job_id in job_ids]


class _Wait:
    """What is known of the jobs of one wait. Each is read as soon as it has ended, as it may be deleted soon after."""

    def __init__(self, queue: Queue, job_ids: Sequence[str], ends: Collection[JobState]) -> None:
        self._queue = queue
        self._ends = ends
        self._look_again_at = 0.0
        self.job_ids = list(dict.fromkeys(job_ids))
        self.jobs: dict[str, Job] = {}
        """As they were last read."""

        self.deleted: set[str] = set()
        """Jobs that were deleted before their end was seen."""

    @property
    def still_open(self) -> set[str]:
        return {job_id for job_id in self.job_ids if job_id not in self.deleted and not self._has_ended(job_id)}

    @property
    def ended(self) -> list[Job]:
        return [job for job_id, job in self.jobs.items() if self._has_ended(job_id)]

    @property
    def has_end(self) -> bool:
        return len(self.still_open) < len(self.job_ids)

    def _has_ended(self, job_id: str) -> bool:
        job = self.jobs.get(job_id)
        # Of a damaged job no more can be known.
        return job is not None and (job.state is None or job.state in self._ends)

    async def begin(self) -> None:
        """Read all jobs. Raises `NotFound` for the first that never was."""
        await self._read(self.job_ids)
        unseen = [job_id for job_id in self.job_ids if job_id in self.deleted]
        unknown = set(unseen) - await self._queue.deleted(unseen)
        if unknown:
            raise NotFound("job", min(unknown))

    async def look(self, batch: Batch) -> None:
        """Read the jobs that ended or were retried, by the events; all jobs if events may have been missed."""
        if batch.resync or asyncio.get_running_loop().time() > self._look_again_at:
            await self._read(self.job_ids)
            return
        ends = (*self._ends, "deleted")
        of_ours = {event.job for event in batch.events if event.state in ends or self._has_ended(event.job)}
        await self._read([job_id for job_id in self.job_ids if job_id in of_ours])

    async def _read(self, job_ids: Sequence[str]) -> None:
        if job_ids == self.job_ids:
            self._look_again_at = asyncio.get_running_loop().time() + LOOK_AGAIN_SECONDS
        for start in range(0, len(job_ids), READ_AT_ONCE):
            some = job_ids[start : start + READ_AT_ONCE]
            found = {job.id: job for job in await self._queue.jobs_by_id(some)}
            self.jobs |= found
            self.deleted |= {job_id for job_id in some if job_id not in found and not self._has_ended(job_id)}


async def follow(queue: Queue, job_id: str) -> AsyncGenerator[Change, None]:
    """A job as it is, then every change of state, progress and log, up to its end. Raises `NotFound` or `Deleted`."""
    log = LogTail()
    async with queue.watch(reports=True) as watch:
        job = await queue.job(job_id)
        yield Change(job=job, lines=log.new_lines(await queue.log(job_id)))
        while job.state is not None and job.state not in TERMINAL:
            batch = await watch.next()
            events = tuple(event for event in batch.events if event.job == job_id)
            reported = any(told.job == job_id and not told.preview for told in batch.reports)
            if not (events or reported or batch.resync):
                continue
            before, job = job, await _read_again(queue, job_id)
            lines = log.new_lines(await queue.log(job_id))
            if events or lines or job != before:
                yield Change(job=job, events=events, lines=lines)


async def _read_again(queue: Queue, job_id: str) -> Job:
    try:
        return await queue.job(job_id)
    except NotFound:
        raise Deleted([job_id]) from None


class LogTail:
    """Tells the new lines of a log of which only the last 1,000 are kept."""

    def __init__(self) -> None:
        self._seen: list[str] = []

    def new_lines(self, lines: Sequence[str]) -> tuple[str, ...]:
        """The lines behind those that were seen, wherever these have moved to."""
        overlap = min(len(self._seen), len(lines))
        while overlap and list(lines[:overlap]) != self._seen[len(self._seen) - overlap :]:
            overlap -= 1
        self._seen = list(lines)
        return tuple(lines[overlap:])
