"""Very many classes: each job is of another customer, strictly isolated, and the worker serves one of them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.lab import Lab
from benchmarks.meter import longest, meter
from benchmarks.table import Row
from benchmarks.workload import PRIORITIES, Mix, Worker, churn, job, measured_churn, offer, submit_all
from benchmarks.yardstick import AROUND, CLAIM, COMPLETE, SUBMIT, Yardstick, in_yardsticks
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.job import JobRequest
from emp_core.store import Claimed

GROUP = "classes"
TICK_SECONDS = 0.001


@dataclass(slots=True)
class OneCustomer(Mix):
    """The jobs of one strictly isolated customer."""

    customer: str = "customer-0"

    def job(self, class_number: int, priority: int) -> JobRequest:
        return isolated(self.customer, priority)


def isolated(customer: str, priority: int) -> JobRequest:
    """A job that only a worker which lists its customer may do."""
    requirements = {"models": ["model-0"], "isolation": "strict"}
    return job(0, priority, payload_bytes=100, customer_id=customer, requirements=requirements)


def serving(customer: str) -> Capabilities:
    """What a worker offers that serves one customer."""
    return offer([0], isolation="strict", allowed_customers=[customer])


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """A new profile's first claim, then claim and submit in the steady state."""
    count = lab.scaled(100_000)
    async with lab.queue() as store:
        await submit_all(store, (isolated(f"customer-{n}", PRIORITIES[n % 10]) for n in range(count)))
        mix = OneCustomer(1)
        await submit_all(store, mix.jobs(lab.scaled(10_000)))
        blocks, yardstick = Blocks(), Yardstick()
        await yardstick.measure(store.link, AROUND)
        with blocks.watched():
            begun = time.perf_counter()
            worker, claim = await _first_claim(store)
            seconds = time.perf_counter() - begun
        await yardstick.measure(store.link, AROUND)
        name, measured = f"first claim of a new profile, {count:,} classes", f"{seconds:.3g} s"
        yield in_yardsticks(GROUP, name, seconds * 1e6, yardstick, (750_000, None), measured=measured)
        measured = f"{blocks.longest * 1_000:.3g} ms"
        yield in_yardsticks(
            GROUP, "longest block of its loop", blocks.longest * 1e6, yardstick, (12_500, None), measured=measured
        )
        await worker.turn([claim])
        await churn(worker, mix, 20, slots=10)
        times = await meter(store.link)
        await measured_churn([worker], mix, lab.scaled(5_000), times)
        yield times.row(GROUP, f"claim, 1 of {count:,} classes fits", "claim", CLAIM)
        yield times.row(GROUP, f"submit, {count:,} classes", "submit", SUBMIT)
        yield times.row(GROUP, f"complete, {count:,} classes", "complete", COMPLETE)
        yield longest(GROUP, {f"{count:,} classes": times})


async def _first_claim(store: Any) -> tuple[Worker, Claimed]:
    worker = await Worker.start(store, "one-customer", serving("customer-0"))
    (claim,) = await worker.claim()
    return worker, claim


@dataclass(slots=True)
class Blocks:
    """How long the event loop was kept from other work at a stretch."""

    gaps: list[float] = field(default_factory=list[float])

    @property
    def longest(self) -> float:
        return max(self.gaps, default=0.0)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watch while the block runs."""
        ticking = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(TICK_SECONDS)
            self.gaps.append(time.perf_counter() - begun - TICK_SECONDS)
