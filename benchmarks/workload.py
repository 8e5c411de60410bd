"""Synthetic jobs, classes and workers, the same in every run."""

import itertools
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.meter import Meter
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.job import JobRequest
from emp_core.domain.outcome import Result
from emp_core.errors import EmpError
from emp_core.ids import new_nonce
from emp_core.store import Claimed, Life, Store, Turn, Wish, completed

PRIORITIES = range(0, 100, 10)
BULK = 500
BLOCK = 50
LEASE_MS = 300_000


def job(class_number: int, priority: int = 50, *, payload_bytes: int = 1_024, **more: Any) -> JobRequest:
    """A job of a class that asks for one model; its payload says of which class and priority it is."""
    payload = {"class": class_number, "priority": priority, "text": ""}
    payload["text"] = "x" * max(0, payload_bytes - len(json.dumps(payload)))
    asked = {"models": [f"model-{class_number}"]}
    request = {"service": "comfyui", "requirements": asked, "priority": priority, "payload": payload}
    return JobRequest.parse(request | more)


def offer(class_numbers: Iterable[int], **more: Any) -> Capabilities:
    """What a worker offers that can do these classes of `job`."""
    models = [f"model-{number}" for number in class_numbers]
    return Capabilities.parse({"services": ["comfyui"], "models": {"comfyui": models}, **more})


@dataclass(slots=True)
class Mix:
    """Jobs over classes whose shares fall off as Zipf found for words (exponent 1.1), in ten priorities."""

    classes: int
    payload_bytes: int = 1_024
    dice: random.Random = field(default_factory=lambda: random.Random(7))
    _made: dict[tuple[int, int], JobRequest] = field(default_factory=dict[tuple[int, int], JobRequest])

    def weights(self) -> list[float]:
        return [1 / (rank + 1) ** 1.1 for rank in range(self.classes)]

    def classes_for(self, share: float) -> list[int]:
        """Small classes, as many as it takes for a share of all jobs."""
        return next(self.shares(share, 1))

    def shares(self, share: float, count: int) -> Iterator[list[int]]:
        """So many choices of classes that have none in common, each of them a share of all jobs."""
        weights, left = self.weights(), iter(reversed(range(self.classes)))
        for _ in range(count):
            wanted, chosen = share * sum(weights), list[int]()
            while wanted > 0 and (number := next(left, None)) is not None:
                chosen.append(number)
                wanted -= weights[number]
            yield chosen

    def job(self, class_number: int, priority: int) -> JobRequest:
        place = (class_number, priority)
        if place not in self._made:
            self._made[place] = job(class_number, priority, payload_bytes=self.payload_bytes)
        return self._made[place]

    def like(self, claim: Claimed) -> JobRequest:
        """Another job of a claimed job's class and priority."""
        payload = json.loads(claim.body or b"{}")["payload"]
        return self.job(payload["class"], payload["priority"])

    def jobs(self, count: int) -> Iterator[JobRequest]:
        numbers = self.dice.choices(range(self.classes), self.weights(), k=count)
        return (self.job(number, self.dice.choice(PRIORITIES)) for number in numbers)


async def submit_all(store: Store, requests: Iterable[JobRequest]) -> None:
    """Store many jobs, in bulk."""
    ahead = iter(requests)
    while some := list(itertools.islice(ahead, BULK)):
        for answer in await store.broker.submit_many(some):
            if isinstance(answer, EmpError):
                raise answer


@dataclass(slots=True)
class Worker:
    """A registered worker, one call at a time."""

    store: Store
    life: Life
    offered: Capabilities

    @classmethod
    async def start(
        cls, store: Store, name: str, offered: Capabilities, *, slots: int = 1, waiter: str = "none"
    ) -> "Worker":
        life = Life(worker=name, boot="1", profile=offered.profile_id, lease_ms=LEASE_MS)
        known = await store.registry.register(life, offered, machine="bench", waiter=waiter, slots=slots)
        await store.registry.judge(life, offered, known.profile_number)
        return cls(store, life, offered)

    async def turn(self, done: Iterable[Claimed] = (), slots: int = 0, token: str = "", **only: Any) -> Turn:
        """Complete some jobs and claim for some slots, `only` of a workflow or of customers."""
        wish = Wish(nonces=tuple(new_nonce() for _ in range(slots)), token=token, **only)
        return await self.store.broker.turn(
            self.life, self.offered, wish, [completed(claim, Result(data={"ok": True})) for claim in done]
        )

    async def claim(self, slots: int = 1, token: str = "", **only: Any) -> tuple[Claimed, ...]:
        return (await self.turn(slots=slots, token=token, **only)).claimed


async def churn(worker: Worker, mix: Mix, rounds: int, *, slots: int = 1) -> None:
    """The steady state: what is claimed is completed, and replaced by a job of its class and priority."""
    for _ in range(rounds):
        claims = await worker.claim(slots)
        await worker.turn(claims)
        await worker.store.broker.submit_many([mix.like(claim) for claim in claims])


async def measured_churn(workers: Sequence[Worker], mix: Mix, rounds: int, meter: Meter, *, block: int = BLOCK) -> None:
    """The same with one job a call, timed by the server, in blocks of calls of one kind, one after the other."""
    broker = workers[0].store.broker
    for number in range(max(1, rounds // block)):
        some = [workers[(number * block + index) % len(workers)] for index in range(block)]
        async with meter.block("claim"):
            found = [await worker.claim() for worker in some]
        taken = [(worker, claim) for worker, claims in zip(some, found, strict=True) for claim in claims]
        async with meter.block("complete"):
            for worker, claim in taken:
                await worker.turn([claim])
        async with meter.block("submit"):
            for _, claim in taken:
                await broker.submit(mix.like(claim))
