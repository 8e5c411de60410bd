"""Moves waiting jobs from a live queue to another one (docs/states.md T23), so that no job can start in both.

For each group of jobs that depend on each other:

1. keep back: the source lets none of them start (`keep_back`)
2. store: the target has all of them, and lets none start (`import_jobs`)
3. forget: the source forgets them, and says for a day where they are (`forget_moved`)
4. release: the target lets them start (`release_moved`)

Each step can be repeated. Both queues mark the jobs that are on their way, so a move that was interrupted after any
call goes on from the marks. If the target refuses a job, its whole group stays in the source.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

from emp_core.client.queue import Queue
from emp_core.client.transfer.exporting import PAGE, waiting
from emp_core.client.transfer.files import carry_files, has_files
from emp_core.client.transfer.groups import Group, Groups, KeepBack
from emp_core.domain.policy import TRANSFERRED_A_CALL
from emp_core.errors import (
    ArtifactsUnavailable,
    Conflict,
    EmpError,
    InvalidInput,
    LimitExceeded,
    Misconfigured,
    NotFound,
)
from emp_core.store import Stays, Submitted, WaitingJob
from emp_core.store.transfers import superseded

TAKEN_AT_ONCE = 500
"""Jobs whose groups go through the four steps together. Later ones can start in the source meanwhile."""


@dataclass(slots=True, kw_only=True)
class Take:
    """A move and what came of it so far."""

    source: Queue
    target: Queue
    place: str
    """The target, as the source's users are told of it."""

    command: str
    """The id of this command: a later one takes over from it."""

    where: str = ""
    refuse: Callable[[str, EmpError], None]
    """Is told of each job that the target refused."""

    reason: str = ""
    advance: Callable[[int], None] = lambda moved: None
    """Is told how many more jobs were moved."""

    moved: int = 0
    staying: int = 0
    """Jobs that stay because their group has one that runs or has just ended."""

    refused: int = 0

    @property
    def _to(self) -> str:
        return f"to {self.target.id}"

    @property
    def _from(self) -> str:
        return f"from {self.source.id}"

    async def run(self) -> None:
        """Finish a move that was interrupted, then move what matches. Raises `InvalidInput` if both are one queue.

        Raises `LimitExceeded` when the target is full.
        """
        await self.take_over()
        await self._go_on()
        seen: set[str] = set()
        cursor: str | None = ""
        while cursor is not None:
            page = await self.source.jobs(waiting(self.where), limit=PAGE, cursor=cursor, at_most=None)
            cursor = page.cursor
            names = [job.id for job in page.jobs if job.id not in seen]
            for start in range(0, len(names), TAKEN_AT_ONCE):
                new = [name for name in names[start : start + TAKEN_AT_ONCE] if name not in seen]
                seen |= await self.take(new)

    async def take_over(self) -> None:
        """End what an earlier command does. Two at once: at most the one that finds itself in the source goes on."""
        if self.source.id == self.target.id:
            raise InvalidInput("from", "is this queue itself")
        await self.source.begin_move(self.target.id, self.command)
        await self.target.begin_move(self.source.id, self.command)
        if not await self.source.leads_move(self.target.id, self.command):
            raise superseded()

    async def _go_on(self) -> None:
        """Finish what an earlier move began."""
        async for marks in self.source.moving():
            await self.take([name for name, mark in marks.items() if mark == self._to])
        await self.clear_target()

    async def arrived(self) -> AsyncIterator[list[str]]:
        """The jobs that the target has not released yet, some at a time."""
        async for marks in self.target.moving():
            yield [name for name, mark in marks.items() if mark == self._from]

    async def clear_target(self) -> None:
        """Release in the target what the source has forgotten, and forget there what the source still has."""
        async for arrived in self.arrived():
            # The source has such a job only if it lost its latest writes: then the job goes the whole way again.
            left = await self.source.known(arrived)
            await self.forget_in_target(sorted(left))
            await self._release([name for name in arrived if name not in left])

    async def take(self, job_ids: Sequence[str]) -> set[str]:
        """Move jobs with their groups. All jobs that were looked at."""
        groups = Groups()
        await KeepBack(self.source, self.target.id, self.reason, groups, self.command).over(job_ids)
        going: list[Group] = []
        for group in groups.all():
            if group.stays:
                self.staying += len(group.kept) + group.put_off
                await self._give_back(group.kept)
            elif group.kept:
                going.append(group)
        refusals = await self._store([name for group in going for name in group.kept])
        for group in going:
            if not refusals.keys().isdisjoint(group.kept):
                self.refused += len(group.kept)
                await self.forget_in_target(group.kept)
                await self._give_back(group.kept)
        moving = [name for group in going if refusals.keys().isdisjoint(group.kept) for name in group.kept]
        await self.source.forget_moved(moving, self._to, self.place, command=self.command, reason=self.reason)
        left = await self.source.known(moving)
        gone = [name for name in moving if name not in left]
        await self._release(gone)
        self.moved += len(gone)
        self.staying += len(left)
        self.advance(len(gone))
        self._tell(refusals)
        return groups.names

    def _tell(self, refusals: Mapping[str, EmpError]) -> None:
        for name, refusal in refusals.items():
            if isinstance(refusal, LimitExceeded) and refusal.limit == "max_pending_jobs":
                raise refusal
            self.refuse(name, refusal)

    async def _release(self, job_ids: Sequence[str]) -> None:
        await self.target.release_moved(job_ids, self._from, command=self.command, reason=self.reason)

    async def forget_in_target(self, job_ids: Sequence[str]) -> None:
        """Forget jobs in the target as if they never were there. Only the source may have them then."""
        await self.target.forget_moved(job_ids, self._from, "", command=self.command, reason=self.reason)

    async def _give_back(self, kept: Sequence[str]) -> None:
        """Children first: a parent that runs must find no child on its way."""
        await self.source.release_moved(kept[::-1], self._to, command=self.command, reason=self.reason)

    async def _store(self, kept: Sequence[str]) -> dict[str, EmpError]:
        """Store jobs in the target. Those that it refused, and why."""
        refusals: dict[str, EmpError] = {}
        for start in range(0, len(kept), TRANSFERRED_A_CALL):
            read = await self.source.export_jobs(kept[start : start + TRANSFERRED_A_CALL])
            refusals |= {name: Conflict(f"it is {job.why}") for name, job in read.items() if isinstance(job, Stays)}
            refusals |= await self._store_some([job for job in read.values() if isinstance(job, WaitingJob)])
        return refusals

    async def _store_some(self, jobs: Sequence[WaitingJob]) -> dict[str, EmpError]:
        """What the target refused, and why."""
        known = await self.target.known([job.id for job in jobs if has_files(job)])
        ready: list[WaitingJob] = []
        refusals: dict[str, EmpError] = {}
        for job in jobs:
            try:
                ready.append(job if not has_files(job) or job.id in known else await self._with_files(job))
            except (NotFound, Misconfigured, ArtifactsUnavailable) as error:
                refusals[job.id] = error
        answers = await self.target.import_jobs(
            ready, moved_from=self.source.id, command=self.command, reason=self.reason
        )
        for job, answer in zip(ready, answers, strict=True):
            if isinstance(answer, EmpError):
                refusals[job.id] = answer
            elif answer.id != job.id:
                refusals[job.id] = _doubled(answer)
        return refusals

    async def _with_files(self, job: WaitingJob) -> WaitingJob:
        return await carry_files(job, self.source.file_store(), self.target.file_store())


def _doubled(answer: Submitted) -> EmpError:
    return Conflict(f"its idempotency key is that of job {answer.id} here", hint="cancel one of the two jobs")
