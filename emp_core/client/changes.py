"""Waiting for jobs and following them: driven by the event stream, and by a fresh read where the stream has a gap."""

import asyncio
from collections.abc import AsyncGenerator, Sequence, Set
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from emp_core.domain.events import Event
from emp_core.domain.job import Job
from emp_core.domain.states import RUNNING, TERMINAL
from emp_core.errors import NotFound, QueueUnavailable
from emp_core.store import Batch, EventBus, Store

BLOCK_MS = 5_000
RUNNING_BLOCK_MS = 500
"""Progress and log lines are no events; while a job runs it is read twice a second, as often as a worker reports."""

PATIENCE_SECONDS = 30.0
"""How long the queue may be away before whoever waits is told."""

READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is new about a job."""

    job: Job
    events: tuple[Event, ...] = ()
    lines: tuple[str, ...] = ()
    """Log lines since the last change."""


class Watch:
    """The event stream on a connection of its own; `resync` marks where something may have been missed."""

    def __init__(self, store: Store) -> None:
        self._link = store.blocking_link()
        self._bus = EventBus(self._link)
        self._cursor = ""

    async def __aenter__(self) -> Self:
        self._cursor = await self._bus.latest()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._link.close()

    async def next(self, block_ms: int = BLOCK_MS) -> Batch:
        """What happened since the last call, or nothing after a while. Raises `QueueUnavailable` after 30 s of it."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + PATIENCE_SECONDS
        resync = False
        while True:
            try:
                batch = await self._bus.after(self._cursor, block_ms=block_ms)
            except QueueUnavailable:
                if loop.time() > give_up_at:
                    raise
                resync = True
                await asyncio.sleep(0.2)
                continue
            self._cursor = batch.cursor
            return Batch(events=batch.events, cursor=batch.cursor, resync=resync or batch.resync)


async def wait_for(store: Store, job_ids: Sequence[str], *, any_of: bool = False) -> list[Job]:
    """The jobs when all have ended, or the first of them has. Raises `NotFound`."""
    wanted = set(job_ids)
    async with Watch(store) as watch:
        jobs = await _read(store, job_ids)
        missing = wanted - {job.id for job in jobs}
        if missing:
            raise NotFound("job", min(missing))
        while (still_open := _still_open(jobs)) and not (any_of and len(still_open) < len(wanted)):
            await _news_of_ends(watch, still_open, any_of=any_of)
            # Who ended may have been run anew since: what is read decides.
            jobs = await _read(store, job_ids)
    return jobs


async def _read(store: Store, job_ids: Sequence[str]) -> list[Job]:
    found: list[Job] = []
    for start in range(0, len(job_ids), READ_AT_ONCE):
        found += await store.inspector.jobs_by_id(job_ids[start : start + READ_AT_ONCE])
    return found


def _still_open(jobs: Sequence[Job]) -> set[str]:
    return {job.id for job in jobs if job.state not in TERMINAL}


async def _news_of_ends(watch: Watch, still_open: Set[str], *, any_of: bool) -> None:
    """Return once all of these have ended, or the first of them, or where that may have been missed."""
    silent = still_open
    while silent and not (any_of and len(silent) < len(still_open)):
        batch = await watch.next()
        if batch.resync:
            return
        silent = silent - {event.job for event in batch.events if event.state in (*TERMINAL, "deleted")}


async def follow(store: Store, job_id: str) -> AsyncGenerator[Change, None]:
    """A job as it is, then every change of state, progress and log, up to its end."""
    log = LogTail()
    async with Watch(store) as watch:
        job = await store.inspector.job(job_id)
        yield Change(job=job, lines=log.new_lines(await store.inspector.log(job_id)))
        while job.state is not None and job.state not in TERMINAL:
            running = job.state in RUNNING
            batch = await watch.next(RUNNING_BLOCK_MS if running else BLOCK_MS)
            events = tuple(event for event in batch.events if event.job == job_id)
            if not (events or running or batch.resync):
                continue
            before, job = job, await store.inspector.job(job_id)
            lines = log.new_lines(await store.inspector.log(job_id))
            if events or lines or job != before:
                yield Change(job=job, events=events, lines=lines)


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
