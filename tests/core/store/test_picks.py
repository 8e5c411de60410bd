"""Claims against a plain list, with the cursors made so short that every branch of the search is taken all the time."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from emp_core.errors import EmpError
from emp_core.store import Claimed, Store
from tests.support.builders import WorkerDriver, make_request, register
from tests.support.changed_library import changed_policy
from tests.support.redis_server import ANY

CLASSES = tuple(f"c{number}" for number in range(60))


@pytest.fixture
def engine() -> str:
    """One is enough: what is tried here is Lua alone."""
    return ANY


@pytest.fixture(params=[(1, 2, 3), (2, 4, 8), (8, 40, 1000)])
def bounds(request: pytest.FixtureRequest) -> Iterator[str]:
    first, near, budget = request.param
    with changed_policy(pick_first=first, pick_near=near, pick_budget=budget):
        yield str(request.param)


@dataclass
class Picks:
    """A queue and a list of what waits in it: job -> (score, class)."""

    store: Store
    dice: random.Random
    workers: dict[str, WorkerDriver] = field(default_factory=dict)
    waiting: dict[str, tuple[int, str]] = field(default_factory=dict)
    running: list[tuple[WorkerDriver, Claimed]] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    """Class -> its id; at its limit of none at all."""

    picks: int = 0

    async def join(self, name: str, share: float, *, judge: bool) -> None:
        """A worker that can do this share of the classes."""
        can = [each for each in CLASSES if self.dice.random() < share]
        self.workers[name] = await register(self.store, name, judge=judge, extra={"can": can})

    async def submit(self) -> None:
        classes = self.dice.choices(CLASSES, k=self.dice.randrange(1, 6))
        requests = [
            make_request(priority=self.dice.randrange(4), requirements={"custom": {"can": of}}) for of in classes
        ]
        answers = await self.store.broker.submit_many(requests)
        for of, answer in zip(classes, answers, strict=True):
            assert not isinstance(answer, EmpError)
            self.waiting[answer.id] = await self.score(answer.id), of

    async def score(self, job: str) -> int:
        return (await self.store.inspector.job(job)).score

    async def claim(self) -> None:
        worker = self.dice.choice(list(self.workers.values()))
        can = worker.capabilities.to_json()["extra"]["can"]
        fitting = {job: place for job, (place, of) in self.waiting.items() if of in can and of not in self.stopped}
        claimed = await worker.claim()
        best = max(fitting, key=lambda job: fitting[job], default=None)
        assert (claimed.job_id if claimed else None) == best
        self.picks += 1
        if claimed:
            del self.waiting[claimed.job_id]
            self.running.append((worker, claimed))

    async def end(self) -> None:
        if not self.running:
            return
        worker, claimed = self.running.pop(self.dice.randrange(len(self.running)))
        if self.dice.random() < 0.6:
            assert await worker.complete(claimed) == "ok"
            return
        await self.store.broker.requeue(claimed.job_id)
        requirements = (await self.store.inspector.job(claimed.job_id)).requirements
        self.waiting[claimed.job_id] = await self.score(claimed.job_id), str(requirements.custom["can"])

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
            self.waiting[job] = await self.score(job), self.waiting[job][1]
        else:
            await self.store.broker.hold(job)
            self.held[job] = self.waiting.pop(job)[1]

    async def unhold(self) -> None:
        if self.held:
            job, of = self.held.popitem()
            await self.store.broker.unhold(job)
            self.waiting[job] = await self.score(job), of

    async def limit(self) -> None:
        """A class may run nothing for a while."""
        if self.stopped and self.dice.random() < 0.6:
            _, class_id = self.stopped.popitem()
            await self.store.broker.set_limit(f"class:{class_id}", None)
        elif self.waiting:
            job = self.dice.choice(sorted(self.waiting))
            class_id = (await self.store.inspector.job(job)).class_id
            await self.store.broker.set_limit(f"class:{class_id}", 0)
            self.stopped[self.waiting[job][1]] = class_id


@pytest.mark.parametrize("seed", range(2))
async def test_no_wrong_pick(store: Store, bounds: str, seed: int) -> None:
    picks = Picks(store, random.Random(f"{seed}{bounds}"))
    for name, share in (("few", 0.05), ("half", 0.5), ("most", 0.9)):
        await picks.join(name, share, judge=True)
    acts = [picks.submit] * 5 + [picks.claim] * 9 + [picks.end] * 3 + [picks.change] * 4 + [picks.unhold, picks.limit]
    for number in range(300):
        if number % 60 == 59:
            await picks.join(f"late{number}", picks.dice.random(), judge=False)
        await picks.dice.choice(acts)()
    assert picks.picks > 80
