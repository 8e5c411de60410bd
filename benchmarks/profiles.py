"""Very many profiles: 500 workers, each for another choice of 200 classes; and 500 idle ones that can do none."""

import random
from collections.abc import AsyncIterator

from benchmarks.depth import longest
from benchmarks.lab import Lab
from benchmarks.meter import Meter, meter
from benchmarks.table import Row
from benchmarks.workload import Mix, Worker, churn, job, measured_churn, offer, submit_all
from emp_core.store import Store

GROUP = "profiles"
PROFILES = 500
CLASSES = 200
EACH_CAN_DO = 20
PENDING = 100_000


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """Claims in turn by all profiles, then submits that wake nobody."""
    async with lab.queue() as store:
        claiming = await _claiming(lab, store)
        yield _row(f"claim, {PROFILES} profiles x {CLASSES} classes", claiming, "claim", 100, 50)
        yield _row(f"submit, {PROFILES} profiles", claiming, "submit", 60, 30)
    async with lab.queue() as store:
        waking = await _wakes_nobody(lab, store)
        yield _row(f"submit, {PROFILES} idle profiles of which none fits", waking, "submit", 60, 30)
    yield longest(GROUP, [claiming, waking])


def _row(name: str, found: Meter, kind: str, must: float, aim: float) -> Row:
    slowness = found.yardstick.slowness
    return Row(group=GROUP, name=name, value=found.of[kind].mean, unit="µs", must=must, aim=aim, slowness=slowness)


async def _claiming(lab: Lab, store: Store) -> Meter:
    mix, dice = Mix(CLASSES, payload_bytes=100), random.Random(11)
    await submit_all(store, mix.jobs(lab.scaled(PENDING)))
    choices = (dice.sample(range(CLASSES), EACH_CAN_DO) for _ in range(PROFILES))
    workers = [await Worker.start(store, f"worker-{n}", offer(choice)) for n, choice in enumerate(choices)]
    for worker in workers:
        await churn(worker, mix, 1, slots=lab.scaled(PENDING) // 10 // PROFILES)
    times = await meter(store.link)
    await measured_churn(workers, mix, lab.scaled(10_000), times)
    return times


async def _wakes_nobody(lab: Lab, store: Store) -> Meter:
    for number in range(PROFILES):
        worker = await Worker.start(store, f"worker-{number}", offer([number]))
        await worker.claim()
    request = job(PROFILES)
    await store.broker.submit(request)
    times = await meter(store.link)
    for _ in range(lab.scaled(100)):
        async with times.block("submit"):
            for _ in range(20):
                await store.broker.submit(request)
    return times
