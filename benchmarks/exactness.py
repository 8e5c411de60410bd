"""Whether each claim gets the best job there is, against a plain model of the queue."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from benchmarks.lab import Lab
from benchmarks.table import Row
from benchmarks.workload import Worker, job, offer
from emp_core.store import Claimed, Store

GROUP = "exactness"
CLASSES = 60
WORKERS = 12
STEPS = 20_000


@dataclass(slots=True)
class Model:
    """The waiting jobs, in the order of their submission."""

    waiting: dict[str, tuple[int, int, int]] = field(default_factory=dict[str, tuple[int, int, int]])
    """Id -> priority, minus its number, class."""

    submitted: int = 0

    def add(self, job_id: str, priority: int, class_number: int) -> None:
        self.submitted += 1
        self.waiting[job_id] = (priority, -self.submitted, class_number)

    def take_best(self, can_do: set[int]) -> str | None:
        """The highest priority first, then the oldest."""
        able = ((place, job_id) for job_id, place in self.waiting.items() if place[2] in can_do)
        best = max(able, default=(None, None))[1]
        if best is not None:
            del self.waiting[best]
        return best


@dataclass(slots=True)
class Trial:
    """Random submits, claims, cancels and changes of priority, by and for a dozen different workers."""

    store: Store
    workers: list[tuple[Worker, set[int]]]
    dice: random.Random = field(default_factory=lambda: random.Random(3))
    model: Model = field(default_factory=Model)
    claims: int = 0
    wrong: int = 0

    async def step(self) -> None:
        act = self.dice.random()
        if act < 0.5:
            await self.submit()
        elif act < 0.9:
            await self.claim()
        elif self.model.waiting:
            await self.disturb(self.dice.choice(list(self.model.waiting)))

    async def submit(self) -> None:
        number, priority = self.dice.randrange(CLASSES), self.dice.randrange(5)
        answer = await self.store.broker.submit(job(number, priority, payload_bytes=50))
        self.model.add(answer.id, priority, number)

    async def claim(self) -> None:
        worker, can_do = self.dice.choice(self.workers)
        wanted = self.dice.randrange(1, 4)
        claims: list[Claimed | None] = list(await worker.claim(wanted))
        for claim in claims + [None] * (wanted - len(claims)):
            self.claims += 1
            self.wrong += self.model.take_best(can_do) != (claim.job_id if claim else None)
        await worker.turn([claim for claim in claims if claim])

    async def disturb(self, job_id: str) -> None:
        """Cancel a waiting job, or move it to another priority."""
        _, number, class_number = self.model.waiting[job_id]
        if self.dice.random() < 0.5:
            await self.store.broker.cancel(job_id)
            del self.model.waiting[job_id]
        else:
            priority = self.dice.randrange(5)
            await self.store.broker.set_priority([job_id], priority)
            self.model.waiting[job_id] = (priority, number, class_number)


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """Wrong picks among thousands of claims."""
    dice = random.Random(5)
    async with lab.queue() as store:
        workers: list[tuple[Worker, set[int]]] = []
        for number in range(WORKERS):
            can_do = set(dice.sample(range(CLASSES), dice.choice((1, 3, 10, 30, CLASSES))))
            workers.append((await Worker.start(store, f"worker-{number}", offer(sorted(can_do))), can_do))
        trial = Trial(store, workers)
        for _ in range(lab.scaled(STEPS)):
            await trial.step()
    note = f"of {trial.claims:,} claims, {trial.model.submitted:,} submits"
    yield Row(group=GROUP, name="wrong picks", value=trial.wrong, unit="", must=0, aim=0, note=note)
