"""What a fleet without work costs Redis: the safety net's claims, and beats."""

import asyncio
import random
from collections.abc import AsyncIterator

from benchmarks.lab import Lab
from benchmarks.meter import processor_seconds
from benchmarks.table import Row
from benchmarks.workload import Worker, offer
from benchmarks.yardstick import AROUND, Yardstick, in_yardsticks
from emp_core.store import Store

GROUP = "idle"
WORKERS = 1_000
PROCESSES = 50
"""Each reads its workers' wake-ups on one connection."""

PROFILES = 20
CLAIM_SECONDS = 5
BEAT_SECONDS = 10
WATCHED_SECONDS = 20


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """The share of a core over 20 s."""
    seconds = lab.scaled(WATCHED_SECONDS)
    async with lab.queue() as store:
        yardstick = Yardstick()
        await yardstick.measure(store.link, AROUND)
        tasks = [asyncio.create_task(_wait(store, f"process-{number}")) for number in range(PROCESSES)]
        for number in range(WORKERS):
            waiter = f"process-{number % PROCESSES}"
            worker = await Worker.start(store, f"worker-{number}", offer([number % PROFILES]), waiter=waiter)
            tasks += [asyncio.create_task(_claim(worker)), asyncio.create_task(_beat(worker))]
        await asyncio.sleep(CLAIM_SECONDS)
        before = await processor_seconds(store.link)
        await asyncio.sleep(seconds)
        used = (await processor_seconds(store.link) - before) / seconds
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await yardstick.measure(store.link, AROUND)
    name, measured = f"{WORKERS:,} idle workers, a second", f"{used * 100:.3g} % of a core"
    yield in_yardsticks(GROUP, name, used * 1e6, yardstick, (12_500, None), measured=measured)


async def _claim(worker: Worker) -> None:
    while True:
        await worker.claim()
        await asyncio.sleep(CLAIM_SECONDS * random.uniform(0.5, 1.5))


async def _beat(worker: Worker) -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS * random.uniform(0.9, 1.1))
        await worker.store.broker.beat(worker.life, "comfyui=up", ())


async def _wait(store: Store, waiter: str) -> None:
    link = store.blocking_link()
    try:
        while True:
            await store.registry.wait_for_token(waiter, CLAIM_SECONDS, link)
    finally:
        await link.close()
