"""Very many profiles: 500 workers, each for another choice of 200 classes; and 500 idle ones that can do none."""

import random
from collections.abc import AsyncIterator

from benchmarks.lab import Lab
from benchmarks.meter import Meter, longest, meter
from benchmarks.table import Row
from benchmarks.workload import Mix, Worker, churn, job, measured_churn, offer, submit_all
from benchmarks.yardstick import CLAIM, SUBMIT
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
        yield claiming.row(GROUP, f"claim, {PROFILES} profiles x {CLASSES} classes", "claim", CLAIM)
        yield claiming.row(GROUP, f"submit, {PROFILES} profiles", "submit", SUBMIT)
    async with lab.queue() as store:
        waking = await _wakes_nobody(lab, store)
        yield waking.row(GROUP, f"submit, {PROFILES} idle profiles of which none fits", "submit", SUBMIT)
    yield longest(GROUP, {"all claim": claiming, "all are idle": waking})


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
