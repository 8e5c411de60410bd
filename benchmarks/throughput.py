"""How many jobs a second one process submits, and how many it drains through 64 slots, also with an AOF."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from benchmarks.drain import Agent, drain_alone
from benchmarks.lab import Lab
from benchmarks.table import Row
from benchmarks.workload import Mix, Worker, offer, submit_all
from benchmarks.yardstick import AROUND, Bars, Yardstick, in_yardsticks
from emp_core.store import Store

GROUP = "throughput"
CLASSES = 20
SLOTS = 64
ROUNDS = 3


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """Jobs a second; the medians of three runs, those with and without an AOF in turns."""
    yardstick = Yardstick()
    async with lab.queue() as store:
        await yardstick.measure(store.link, AROUND)
        for name, rate in (await _submit_rates(lab, store)).items():
            yield _rate(f"submit, {name}", rate, yardstick)
    alone, plain, durable = list[float](), list[float](), list[float]()
    for _ in range(ROUNDS):
        alone.append(await _drain(lab, drain_alone, yardstick, aof=False))
        plain.append(await _drain(lab, Agent.drain, yardstick, aof=False))
        durable.append(await _drain(lab, Agent.drain, yardstick, aof=True))
    best = statistics.median(plain)
    yield _rate("drain, 64 loops, a call for each job", statistics.median(alone), yardstick)
    yield _rate("drain, 64 loops, batched turns", best, yardstick, (16.7, 8.3))
    yield _rate("the same with AOF everysec", statistics.median(durable), yardstick)
    share = statistics.median(durable) / best
    yield Row(group=GROUP, name="AOF / no AOF", value=share * 100, unit="%", must=50, aim=65, higher=True)


def _rate(name: str, rate: float, by: Yardstick, bars: Bars = (None, None)) -> Row:
    return in_yardsticks(GROUP, f"{name}, a job", 1e6 / rate, by, bars, measured=f"{rate:,.0f} jobs/s")


async def _submit_rates(lab: Lab, store: Store) -> dict[str, float]:
    mix = Mix(CLASSES)
    jobs = list(mix.jobs(lab.scaled(10_000)))
    await submit_all(store, mix.jobs(1_000))

    async def some(part: int) -> None:
        for request in jobs[part::50]:
            await store.broker.submit(request)

    begun = time.perf_counter()
    for request in jobs:
        await store.broker.submit(request)
    one_by_one = len(jobs) / (time.perf_counter() - begun)
    begun = time.perf_counter()
    await asyncio.gather(*(some(part) for part in range(50)))
    concurrent = len(jobs) / (time.perf_counter() - begun)
    many = list(mix.jobs(lab.scaled(50_000)))
    begun = time.perf_counter()
    await submit_all(store, many)
    bulk = len(many) / (time.perf_counter() - begun)
    return {"one by one": one_by_one, "50 at a time": concurrent, "in bulk, 500 a call": bulk}


async def _drain(
    lab: Lab, drain: Callable[[Worker, int], Coroutine[Any, Any, int]], yardstick: Yardstick, *, aof: bool
) -> float:
    async with lab.queue(aof=aof) as store:
        if not aof:
            await yardstick.measure(store.link, AROUND)
        mix = Mix(CLASSES, payload_bytes=100)
        count = lab.scaled(60_000)
        await submit_all(store, mix.jobs(count))
        worker = await Worker.start(store, "drain", offer(range(CLASSES)), slots=SLOTS)
        begun = time.perf_counter()
        done = await drain(worker, SLOTS)
        return done / (time.perf_counter() - begun)
