"""Claims against a plain list, with the cursors made so short that every branch of the search is taken all the time."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from emp_core.store import Claimed, Store
from tests.support.builders import WorkerDriver, make_request, register
from tests.support.changed_library import changed_policy
from tests.support.redis_server import ANY

CLASSES = tuple(f"c{number}" for number in range(60))
WISHES: Sequence[dict[str, Any]] = ({}, {}, {"workflow": "w"}, {"customers": ("a",)}, {"customers": ("a", "b")})


@pytest.fixture
def engine() -> str:
    """One is enough: what is tried here is Lua alone."""
    return ANY


@pytest.fixture(params=[(1, 2, 3), (2, 4, 8), (8, 40, 1000)])
def bounds(request: pytest.FixtureRequest) -> Iterator[str]:
    first, near, budget = request.param
    with changed_policy(
        pick_first=first, pick_near=near, pick_budget=budget, parked_a_call=near, unparked_a_step=first
    ):
        yield str(request.param)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What decides who may take a job."""

    score: int
    of: str
    """What a worker must have for it."""

    customer: str | None
    workflow: str | None


@dataclass
class Picks:
    """A queue and a list of what waits in it."""

    store: Store
    dice: random.Random
    workers: dict[str, WorkerDriver] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    running: list[tuple[WorkerDriver, Claimed, Waiting]] = field(default_factory=list)
    held: dict[str, Waiting] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    """Customer -> jobs that may run at once."""

    stopped: dict[tuple[str, str | None], str] = field(default_factory=dict)
    """What a class needs and its customer -> the class's id; at its limit of none at all."""

    picks: int = 0

    async def join(self, name: str, share: float, *, judge: bool) -> None:
        """A worker that can do this share of the classes."""
        can = [each for each in CLASSES if self.dice.random() < share]
        self.workers[name] = await register(self.store, name, judge=judge, extra={"can": can})

    async def submit(self) -> None:
        classes = self.dice.choices(CLASSES, k=self.dice.randrange(1, 6))
        for of in classes:
            customer, workflow = self.dice.choice((None, "a", "b")), self.dice.choice((None, None, "w"))
            request = make_request(
                priority=self.dice.randrange(4),
                requirements={"custom": {"can": of}},
                customer_id=customer,
                workflow_id=workflow,
            )
            job = (await self.store.broker.submit(request)).id
            score = await self.score(job)
            self.waiting[job] = Waiting(score=score, of=of, customer=customer, workflow=workflow)

    async def score(self, job: str) -> int:
        return (await self.store.inspector.job(job)).score

    async def claim(self) -> None:
        worker = self.dice.choice(list(self.workers.values()))
        wish: dict[str, Any] = self.dice.choice(WISHES)
        fitting = [job for job, waiting in self.waiting.items() if self.may_take(worker, waiting, **wish)]
        claimed = await worker.claim(**wish)
        best = max(fitting, key=lambda job: self.waiting[job].score, default=None)
        assert (claimed.job_id if claimed else None) == best
        self.picks += 1
        if claimed:
            self.running.append((worker, claimed, self.waiting.pop(claimed.job_id)))

    def may_take(
        self, worker: WorkerDriver, job: Waiting, *, workflow: str = "", customers: Sequence[str] = ()
    ) -> bool:
        running = sum(other.customer == job.customer for _, _, other in self.running)
        return (
            job.of in worker.capabilities.to_json()["extra"]["can"]
            and (job.of, job.customer) not in self.stopped
            and running < self.limits.get(job.customer or "", running + 1)
            and job.workflow == (workflow or job.workflow)
            and (not customers or job.customer in customers)
        )

    async def end(self) -> None:
        if not self.running:
            return
        worker, claimed, job = self.running.pop(self.dice.randrange(len(self.running)))
        if self.dice.random() < 0.6:
            assert await worker.complete(claimed) == "ok"
            return
        await self.store.broker.requeue(claimed.job_id)
        self.waiting[claimed.job_id] = job

    async def change(self) -> None:
        """Something else than the best of a class goes, comes back, or moves."""
        if not self.waiting:
            return
        job = self.dice.choice(sorted(self.waiting))
        act = self.dice.random()
        if act < 0.3:
            await self.store.broker.cancel(job)
            del self.waiting[job]
        elif act < 0.7:
            await self.store.broker.set_priority([job], self.dice.randrange(4))
            self.waiting[job] = replace(self.waiting[job], score=await self.score(job))
        else:
            await self.store.broker.hold(job)
            self.held[job] = self.waiting.pop(job)

    async def unhold(self) -> None:
        if self.held:
            job, waiting = self.held.popitem()
            await self.store.broker.unhold(job)
            self.waiting[job] = waiting

    async def limit(self) -> None:
        """A class may run nothing for a while."""
        if self.stopped and self.dice.random() < 0.6:
            _, class_id = self.stopped.popitem()
            await self.store.broker.set_limit(f"class:{class_id}", None)
        elif self.waiting:
            job = self.dice.choice(sorted(self.waiting))
            class_id = (await self.store.inspector.job(job)).class_id
            await self.store.broker.set_limit(f"class:{class_id}", 0)
            self.stopped[self.waiting[job].of, self.waiting[job].customer] = class_id

    async def limit_customer(self) -> None:
        """A customer may run only some jobs at once, or any number again."""
        customer, maximum = self.dice.choice("ab"), self.dice.choice((None, 0, 1, 3))
        await self.store.broker.set_limit(f"customer:{customer}", maximum)
        self.limits.pop(customer, None)
        if maximum is not None:
            self.limits[customer] = maximum


@pytest.mark.parametrize("seed", range(2))
async def test_no_wrong_pick(store: Store, bounds: str, seed: int) -> None:
    picks = Picks(store, random.Random(f"{seed}{bounds}"))
    for name, share in (("few", 0.05), ("half", 0.5), ("most", 0.9)):
        await picks.join(name, share, judge=True)
    acts = [picks.submit] * 5 + [picks.claim] * 9 + [picks.end] * 3 + [picks.change] * 4
    acts += [picks.unhold, picks.limit, picks.limit_customer]
    for number in range(300):
        if number % 60 == 59:
            await picks.join(f"late{number}", picks.dice.random(), judge=False)
        await picks.dice.choice(acts)()
    assert picks.picks > 80
