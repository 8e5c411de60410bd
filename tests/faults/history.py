"""The history checker: what was promised to clients, against what workers did and what the queue says.

lost        acknowledged, and not ended, or not there
unexpected  run or committed, and never submitted
duplicates  effects beyond the first of a job (allowed by at-least-once; counted)
commits     ends of one generation beyond the first (never allowed)
stale       writes offered under claims that are not the last, and how many of them were accepted
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from emp_core.domain.job import Job
from emp_core.domain.states import TERMINAL, JobState
from emp_core.errors import QueueUnavailable
from emp_core.store import Store
from tests.faults.journal import Journal
from tests.faults.patience import eventually
from tests.support.builders import make_request

BEGINNING = "0-0"


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What the checker found."""

    jobs: int
    lost: list[str]
    unexpected: list[str]
    duplicates: int
    double_commits: list[str]
    baseless: list[str]
    """Completed, and the attempt that the result names had no effect."""

    twice_started: list[str]
    """`on_lost: fail`, and started more than once in a generation."""

    recovered: int
    """Completed after an attempt was lost."""

    states: Counter[str]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.unexpected or self.double_commits or self.baseless or self.twice_started)


@dataclass(slots=True)
class Stale:
    """Writes under old claims."""

    offered: int = 0
    superseded: int = 0
    """Of those, how many under a claim after which there was another."""

    accepted: list[str] = field(default_factory=list[str])


class History:
    """Keeps what clients were told, and judges."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self.acknowledged: list[str] = []
        self.attempted: set[str] = set()
        """Ids that may be in the queue: acknowledged, or their answer was lost."""

        self.at_most_once: set[str] = set()
        self.stale = Stale()

    async def submit(self, **changes: Any) -> str:
        """Submit as a client does that tries again, under the same id, until it has its answer."""
        request = make_request(**{"service": "witness", "payload": {}, **changes})
        job_id = request.id or f"job-{len(self.attempted):05}"
        request = make_request(**{"service": "witness", "payload": {}, **changes, "id": job_id})
        self.attempted.add(job_id)
        if request.on_lost == "fail":
            self.at_most_once.add(job_id)
        await eventually(lambda: self._submitted(request), f"{job_id} is acknowledged")
        self.acknowledged.append(job_id)
        return job_id

    async def _submitted(self, request: Any) -> bool:
        try:
            await self._store.broker.submit(request)
        except QueueUnavailable:
            return False
        return True

    async def drained(self) -> None:
        """Wait until every acknowledged job has ended."""
        await eventually(self.all_ended, "every job ends")

    async def all_ended(self) -> bool:
        try:
            counts = (await self._store.inspector.summary()).jobs
        except QueueUnavailable:
            return False
        return sum(counts[state] for state in TERMINAL) >= len(self.acknowledged)

    async def verdict(self) -> Verdict:
        """Judge, once all is quiet."""
        jobs = await self.jobs(self.acknowledged)
        there = {job.id: job for job in jobs}
        effects = Counter(entry.job for entry in self._journal.entries("effect"))
        return Verdict(
            jobs=len(self.acknowledged),
            lost=[name for name in self.acknowledged if name not in there or there[name].state not in TERMINAL],
            unexpected=sorted(set(effects) - self.attempted),
            duplicates=sum(count - 1 for count in effects.values()),
            double_commits=await self._double_commits(),
            baseless=await self._baseless(jobs),
            twice_started=self._twice_started(jobs),
            recovered=sum(job.state is JobState.COMPLETED and job.losses > 0 for job in jobs),
            states=Counter(str(job.state) for job in jobs),
        )

    async def jobs(self, ids: Sequence[str]) -> list[Job]:
        """Those of the jobs that are there."""
        found: list[Job] = []
        for start in range(0, len(ids), 500):
            found += await self._store.inspector.jobs_by_id(ids[start : start + 500])
        return found

    async def _double_commits(self) -> list[str]:
        """Generations that ended more than once, by the stream of events."""
        ends: Counter[tuple[str, int]] = Counter()
        cursor = BEGINNING
        while batch := (await self._store.events.after(cursor)).events:
            ends.update((event.job, event.gen) for event in batch if event.state in set(TERMINAL))
            cursor = batch[-1].cursor
        return [job for (job, _), count in ends.items() if job and count > 1]

    async def _baseless(self, jobs: Iterable[Job]) -> list[str]:
        done = {(entry.job, entry.attempt, entry.worker) for entry in self._journal.entries("effect")}
        wrong: list[str] = []
        for job in jobs:
            if job.state is JobState.COMPLETED:
                data = (await self._store.inspector.outcome(job.id))["data"]
                if (job.id, data.get("attempt"), data.get("worker")) not in done:
                    wrong.append(job.id)
        return wrong

    def _twice_started(self, jobs: Iterable[Job]) -> list[str]:
        starts = Counter(entry.job for entry in self._journal.entries("start"))
        return [job.id for job in jobs if job.id in self.at_most_once and starts[job.id] > job.gen + 1]
