"""A queue whose answers never change, for pictures."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from emp_core.client.queue import Attempt, ClassView, Page, Preview, Summary
from emp_core.client.results import Outcome
from emp_core.domain.caller import Caller, Role
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.demand import ClassDemand, Demand, WorkflowDemand, Workflows
from emp_core.domain.events import Event
from emp_core.domain.explain import Explanation, WorkerExplanation, explain_worker
from emp_core.domain.filter import Filter
from emp_core.domain.job import Job
from emp_core.domain.matching import fits
from emp_core.domain.requirements import Requirements
from emp_core.domain.standing import Line, WaitingClass
from emp_core.domain.states import ENDED, OPEN, WAITING, JobState
from emp_core.domain.trend import MINUTE_MS, WAITS, Span, Trend
from emp_core.domain.worker import ServiceOutage, Worker, WorkerState
from emp_core.errors import NotFound, QueueUnavailable
from emp_core.store import Memory, Server
from emp_core.store.inspector import More
from tests.cli.tui import canned_job

NOW = 1_767_268_800_000
"""2026-01-01 12:00:00 UTC."""

MACHINES = (
    ("gpu1", 4, "RTX 3090", 24, "comfyui"),
    ("gpu2", 4, "RTX 4090", 24, "comfyui"),
    ("gpu3", 1, "A100", 80, "comfyui"),
    ("gpu4", 1, "RTX 3060", 12, "ollama"),
    ("gpu5", 2, "L40S", 48, "comfyui"),
)
STATES = {"gpu1:3": WorkerState.PAUSED, "gpu2:2": WorkerState.DRAINING, "gpu5:1": WorkerState.FENCED}

EVIL = "[red]\x1b[2J\u202eevil[/] 🔥\x07 " + "x" * 300


RUNNING, NEXT, NEVER, DONE, FAILED = (
    "500036kz8m4q5w2",
    "c00085kz8m4q2w2",
    "900064kz8m4q9w2",
    "800337kz8m4q8w2",
    "500456kz8m4q5w2",
)
"""Jobs of an ordinary night: one that runs, one that waits, one that can never run, two that ended."""

NOTHING_COUNTED = Trend(at=NOW, since=None, minutes=())


@dataclass(frozen=True)
class Scene:
    """What the queue holds."""

    jobs: Sequence[Job] = ()
    workers: Sequence[Worker] = ()
    trend: Trend = NOTHING_COUNTED
    workflow: str = "film"
    """How the names of workflows begin."""

    preview: Preview = canned_job.PLAIN_PREVIEW
    """Of each running job."""


def make_job(number: int, state: JobState, **changes: Any) -> Job:
    """One job; what its state implies is filled in."""
    created = NOW - number * 41_000 - 30_000
    asked = changes.pop("asked", {"services": ["comfyui"], "gpu_memory_gb": 24})
    requirements = Requirements.parse(asked)
    fields: dict[str, Any] = {"customer_id": ("acme", "globex", "initech")[number % 3]}
    if state not in WAITING:
        fields |= {"worker": f"gpu{number % 2 + 1}:{number % 4}", "attempt": 1, "claimed_at": created + 20_000}
        fields["started_at"] = created + 20_000
    if state is JobState.ACTIVE:
        fields |= {"progress": float(number * 13 % 100), "message": f"step {number * 13 % 20} of 20"}
        fields |= {"lease_until": NOW + 52_000, "timeout_seconds": 900.0}
    if state in ENDED:
        fields["ended_at"] = created + 50_000 + number * 700
    if state is JobState.FAILED:
        fields |= {"code": "error", "cause": "out_of_memory", "failures": 3, "error": "CUDA out of memory"}
    if state is JobState.DELAYED:
        fields["due_at"] = NOW + 240_000
    return Job(
        id=f"{'0123456789abcdefghjk'[number % 20]}{7 * number + 1:05}kz8m4q{number % 10}w2",
        state=state,
        class_id="c1",
        requirements=requirements,
        priority=(50, 80, 20)[number % 3],
        score=0,
        gen=0,
        losses=0,
        releases=0,
        version=1,
        max_failures=3,
        created_at=created,
        **{"attempt": 0, "failures": 0, **fields, **changes},
    )


def make_worker(worker_id: str, machine: str, model: str, memory: int, service: str, **changes: Any) -> Worker:
    """One worker that is well and idle."""
    offered = Capabilities.parse(
        {"services": [service], "gpu_count": 1, "gpu_memory_gb": memory, "gpu_model": model, "ram_gb": 128}
    )
    fields: dict[str, Any] = {"state": WorkerState.READY, "services": {service: "up"}, "slots": 1}
    return Worker(
        id=worker_id,
        machine=machine,
        boot="b",
        profile_id=offered.profile_id,
        capabilities=offered,
        beat_at=NOW - 1_400,
        lost_at=NOW + 20_000,
        started_at=NOW - 5_400_000,
        info={"version": "0.1.0"},
        **{**fields, **changes},
    )


def fleet(active: Sequence[Job]) -> Iterator[Worker]:
    """Twelve workers on five machines, some of them not well."""
    runs = {job.worker: job.id for job in active}
    for machine, count, model, memory, service in MACHINES:
        for index in range(count):
            name = f"{machine}:{index}"
            changes: dict[str, Any] = {"state": STATES.get(name, WorkerState.READY)}
            changes["active"] = (runs[name],) if name in runs else ()
            if name == "gpu4:0":
                why = ServiceOutage(why="connection refused: http://127.0.0.1:11434", since=NOW - 900_000)
                changes |= {"services": {service: "down"}, "outages": {service: why}}
            if name == "gpu1:3":
                changes["reason"] = "new driver"
            yield make_worker(name, machine, model, memory, service, **changes)


def usual_trend() -> Trend:
    """An hour with a wave in it."""
    dice = random.Random(7)
    minutes = []
    for minute in range(60):
        count = 8 + abs(30 - minute) // 3 + dice.randint(0, 4)
        waits = [0] * len(WAITS)
        waits[6 + minute % 5], waits[12] = count - 2, 2
        at = NOW - (59 - minute) * MINUTE_MS
        ended: dict[str, Any] = {"completed": count - 2, "failures": {"error": 1} if minute % 7 == 0 else {}}
        minutes.append(Span(at=at, seconds=60, submitted=count, started=count - 1, waits=waits, **ended))
    return Trend(at=NOW, since=NOW - 3_600_000, minutes=minutes)


def usual() -> Scene:
    """A queue on an ordinary night."""
    states = [JobState.ACTIVE] * 6 + [JobState.PENDING] * 34 + [JobState.DELAYED] * 3 + [JobState.BLOCKED] * 2
    states += [JobState.COMPLETED] * 20 + [JobState.FAILED] * 4 + [JobState.CANCELLED] * 2
    jobs = [make_job(number, state) for number, state in enumerate(states)]
    never = {"services": ["comfyui"], "gpu_memory_gb": 96}
    jobs[9:12] = [make_job(number, JobState.PENDING, asked=never, unworkable=True) for number in range(9, 12)]
    jobs[41] = replace(jobs[41], held=True)
    jobs[43:45] = [replace(job, depends_on=(jobs[5].id,)) for job in jobs[43:45]]
    return Scene(jobs, list(fleet(jobs[:6])), usual_trend())


def hostile() -> Scene:
    """Text that would repaint the screen if anything let it."""
    scene = usual()
    jobs = [
        replace(job, customer_id=EVIL, message=EVIL, error=EVIL, cause=EVIL, labels={"batch": EVIL}, worker=EVIL)
        for job in scene.jobs
    ]
    outage = {"comfyui": ServiceOutage(why=EVIL, since=NOW - 60_000)}
    workers = [
        replace(worker, machine=EVIL, reason=EVIL, services={"comfyui": "down"}, outages=outage, info={"version": EVIL})
        for worker in scene.workers
    ]
    return replace(scene, jobs=jobs, workers=workers, workflow=EVIL)


def crowded() -> Scene:
    """A thousand workers."""
    scene = usual()
    workers = [
        make_worker(f"node{node:03}:{gpu}", f"node{node:03}", "H100", 80, "comfyui", active=("x",) if node % 3 else ())
        for node in range(125)
        for gpu in range(8)
    ]
    return replace(scene, workers=workers)


class CannedQueue:
    """Answers from a scene. What the pictures do not show raises `AttributeError`."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.caller = Caller(role=Role.OPERATOR, actor="ada@node1", request_id="r1")
        self.server = Server(engine="valkey", version="9.1.0", durability="everysec")
        self.is_away = False

    def _check(self) -> None:
        if self.is_away:
            raise QueueUnavailable("redis_unavailable", "cannot reach Redis at redis://10.0.0.1: connection refused")

    async def now_ms(self) -> int:
        self._check()
        return NOW

    async def summary(self, *, workers: Sequence[Worker] | None = None, oldest: bool = True) -> Summary:
        self._check()
        jobs, workers = self.scene.jobs, self.scene.workers
        states = Counter(job.state for job in jobs)
        pending = [job for job in jobs if job.state is JobState.PENDING]
        up = Counter(name for worker in workers for name, state in worker.services.items() if state == "up")
        ended = sum(states[state] for state in ENDED)
        waiting = sum(states[state] for state in WAITING)
        return Summary(
            jobs={state: states[state] for state in (*OPEN, *ENDED)},
            workers=dict(Counter(worker.state.value for worker in workers)),
            slots=sum(worker.slots for worker in workers),
            busy_slots=sum(len(worker.active) for worker in workers),
            classes_waiting=len({str(job.requirements) for job in pending}),
            unworkable_jobs=sum(job.unworkable for job in jobs),
            held=sum(job.held for job in jobs),
            oldest_pending_ms=NOW - min(job.created_at for job in pending) if pending else None,
            at=NOW,
            services=dict(up),
            memory=Memory(
                used=1_290_000_000, limit=4_000_000_000, waiting=waiting, recent=ended, older=0, recent_ms=900_000
            ),
        )

    async def workers(self, *, gone: bool = False) -> list[Worker]:
        self._check()
        return list(self.scene.workers)

    async def worker(self, worker_id: str) -> Worker:
        self._check()
        found = next((worker for worker in self.scene.workers if worker.id == worker_id), None)
        if found is None:
            raise NotFound("worker", worker_id)
        return found

    async def classes(self) -> list[ClassView]:
        self._check()
        pending = [job for job in self.scene.jobs if job.state is JobState.PENDING]
        counts = Counter((str(job.requirements), job.unworkable) for job in pending)
        asked = {str(job.requirements): job.requirements for job in pending}
        return [
            ClassView(class_id=f"c{place}", requirements=asked[text], pending=count, unworkable=unworkable)
            for place, ((text, unworkable), count) in enumerate(counts.items())
        ]

    async def demand(self, *, workers: Sequence[Worker] | None = None) -> Demand:
        self._check()
        workers = self.scene.workers
        numbers = {profile: number for number, profile in enumerate({each.profile_id: 0 for each in workers})}
        offers = {numbers[worker.profile_id]: worker.capabilities for worker in workers}
        kinds: dict[str, list[Job]] = {}
        for job in self.scene.jobs:
            if job.state in (JobState.PENDING, JobState.ACTIVE):
                kinds.setdefault(f"{job.requirements} {job.customer_id}", []).append(job)
        return Demand(
            classes=tuple(_demand(f"c{place}", jobs, offers) for place, jobs in enumerate(kinds.values())),
            workers=tuple(workers),
            profiles={worker.id: numbers[worker.profile_id] for worker in workers},
        )

    async def workflows(self) -> Workflows:
        self._check()
        flows = [
            WorkflowDemand(
                name=f"{self.scene.workflow}-{number}",
                priority=50 + number,
                pending=7 * number,
                running=number % 3,
                jobs=20 + number,
                oldest_at=NOW - number * 600_000 if number else None,
                reserved=number % 2,
            )
            for number in range(4 if self.scene.jobs else 0)
        ]
        return Workflows(workflows=tuple(flows), looked_at=500, exact=not self.scene.jobs)

    async def explain_worker(self, worker_id: str) -> WorkerExplanation:
        worker, demand = await self.worker(worker_id), await self.demand()
        waiting = [
            WaitingClass(class_id=each.class_id, requirements=each.requirements, jobs=each.pending, first="a")
            for each in demand.classes
            if each.pending
        ]
        return explain_worker(worker, Line(classes=tuple(waiting)), NOW)

    async def trend(self, minutes: int) -> Trend:
        self._check()
        return self.scene.trend

    async def jobs(self, wanted: Filter, *, limit: int, cursor: str = "", at_most: int | None = None) -> Page:
        self._check()
        found = [job for job in self.scene.jobs if wanted.matches(job, NOW)]
        return Page(jobs=tuple(found[:limit]), cursor=None, searched=len(found), total=len(found))

    async def jobs_by_id(self, job_ids: Sequence[str]) -> list[Job]:
        self._check()
        return [job for job in self.scene.jobs if job.id in job_ids]

    async def job(self, job_id: str) -> Job:
        found = await self.jobs_by_id([job_id])
        if not found:
            raise NotFound("job", job_id)
        return found[0]

    async def find(self, prefix: str) -> Job:
        return await self.job(next((job.id for job in self.scene.jobs if job.id.startswith(prefix)), prefix))

    async def explain(self, job_id: str) -> Explanation:
        return canned_job.explanation_of(await self.job(job_id), self.scene.jobs, self.scene.workers, NOW)

    async def events_of(self, job_id: str) -> list[Event]:
        return canned_job.events_of(await self.job(job_id))

    async def attempts(self, job_id: str) -> list[Attempt]:
        return canned_job.attempts_of(await self.job(job_id))

    async def log(self, job_id: str, start: int = 0) -> list[str]:
        return canned_job.log_of(await self.job(job_id))[start:]

    async def more_of(self, job: Job) -> More:
        return More(body=canned_job.payload_of(job), outcome=None, ahead_in_class=None, attempts=())

    async def outcome(self, job_id: str) -> Outcome:
        job = await self.job(job_id)
        return Outcome({"message": job.error or "", "artifacts": canned_job.files_of(job)})

    async def watch_preview(self, job_id: str) -> None:
        await self.job(job_id)

    async def preview_of(self, job_id: str) -> Preview:
        await self.job(job_id)
        return self.scene.preview

    async def children(self, job_id: str) -> AsyncIterator[list[str]]:
        yield [job.id for job in self.scene.jobs if job_id in job.depends_on]

    async def recent_events(self, count: int, *, since: int = 0, until: int | None = None) -> list[Event]:
        self._check()
        return (
            sorted(canned_job.events_of_all(self.scene.jobs), key=lambda event: event.at)[-count:] if not since else []
        )

    @asynccontextmanager
    async def watch(self) -> Any:
        """Nothing ever happens."""

        async def never(block_ms: int = 0) -> None:
            await asyncio.Event().wait()

        yield SimpleNamespace(next=never)


def _demand(class_id: str, jobs: Sequence[Job], offers: Mapping[int, Capabilities]) -> ClassDemand:
    pending = [job for job in jobs if job.state is JobState.PENDING]
    asked = jobs[0].requirements
    return ClassDemand(
        class_id=class_id,
        requirements=replace(asked, customer_id=jobs[0].customer_id, models=("flux1-dev.safetensors",)),
        pending=len(pending),
        running=len(jobs) - len(pending),
        oldest_at=min((job.created_at for job in pending), default=None),
        fitting=frozenset(number for number, offered in offers.items() if fits(asked, offered)),
        unworkable=any(job.unworkable for job in pending),
    )


class StoppedClock:
    """It is always noon."""

    def now_ms(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 1_000.0
