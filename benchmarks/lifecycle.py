"""What a job's whole life costs Redis: a submit, five reports, and the turn that completes it and claims the next one,
each a call of its own as a worker of one slot makes them, with all events."""

import asyncio
from collections.abc import AsyncIterator

from benchmarks.lab import Lab
from benchmarks.meter import processor_seconds
from benchmarks.table import Row
from benchmarks.workload import Mix, Worker, offer, submit_all
from benchmarks.yardstick import AROUND, Yardstick, in_yardsticks
from emp_core.store import Report, Store

GROUP = "life cycle"
JOBS = 10_000
AT_ONCE = 50
SLICES = 10
REPORTS = 5


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """The processor time that Redis takes for a life."""
    mix, count = Mix(200), lab.scaled(JOBS)
    async with lab.queue() as store:
        await submit_all(store, mix.jobs(1_000))
        worker = await Worker.start(store, "worker", offer(range(200)), slots=AT_ONCE)
        await _live(store, worker, mix, AT_ONCE)
        yardstick, used = Yardstick(), 0.0
        for _ in range(SLICES):
            await yardstick.measure(store.link, AROUND // SLICES)
            before = await processor_seconds(store.link)
            await asyncio.gather(*(_live(store, worker, mix, count // AT_ONCE // SLICES) for _ in range(AT_ONCE)))
            used += (await processor_seconds(store.link) - before) / count
    name, measured = f"a life of {2 + REPORTS} calls", f"{1 / used:,.0f} lives a second and core"
    yield in_yardsticks(GROUP, name, used * 1e6, yardstick, (31, 21), measured=measured)


async def _live(store: Store, worker: Worker, mix: Mix, jobs: int) -> None:
    claims = await worker.claim()
    for request in mix.jobs(jobs):
        await store.broker.submit(request)
        (claim,) = claims
        for step in range(REPORTS):
            report = Report(
                job_id=claim.job_id, attempt=claim.attempt, nonce=claim.nonce, percent=20.0 * step, message="sampling"
            )
            await store.broker.report(worker.life.worker, [report])
        claims = (await worker.turn([claim], slots=1)).claimed
    await worker.turn(claims)
