"""Workers that may not take what they can do: a customer at its limit, other customers, another workflow."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from benchmarks.lab import Lab
from benchmarks.meter import Meter, longest, meter
from benchmarks.table import Row
from benchmarks.workload import Worker, job, offer, submit_all
from emp_core.domain.job import JobRequest
from emp_core.store import Claimed, Store

GROUP = "narrow"
CLASSES = 10_000
JOBS = 50_000
OWN = CLASSES
"""The number of the class that the workers can do behind all others."""


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """Their first claims, which look at everything, and the later ones."""
    classes, jobs = lab.scaled(CLASSES), lab.scaled(JOBS)
    meters: dict[str, Meter] = {}
    async with lab.queue() as store:
        name = f"the customer has {classes:,} classes"
        meters[name] = await _of_one_customer(lab, store, classes)
        yield meters[name].row(GROUP, f"claim, {name}", "claim")
    async with lab.queue() as store:
        name = f"{classes:,} classes are at their customer's limit"
        meters[name] = await _at_its_limit(lab, store, classes)
        yield meters[name].row(GROUP, f"claim, {name}", "claim")
    async with lab.queue() as store:
        name = f"the workflow has {jobs:,} jobs"
        meters[name] = await _of_one_workflow(lab, store, jobs)
        yield meters[name].row(GROUP, f"claim, {name}", "claim")
    yield longest(GROUP, meters)


def _each_of_a_class(count: int, **more: Any) -> Iterator[JobRequest]:
    return (job(number, payload_bytes=100, **more) for number in range(count))


async def _of_one_customer(lab: Lab, store: Store, classes: int) -> Meter:
    """The worker is at its limit of customers, and can do only the last of their jobs."""
    await submit_all(store, _each_of_a_class(classes, customer_id="acme"))
    return await _measured(lab, store, [OWN], customers=("acme",), customer_id="acme")


async def _of_one_workflow(lab: Lab, store: Store, jobs: int) -> Meter:
    """The worker is reserved for the workflow, and can do only the last of its jobs."""
    await submit_all(store, (job(number % 200, payload_bytes=100, workflow_id="w") for number in range(jobs)))
    return await _measured(lab, store, [OWN], workflow="w", workflow_id="w")


async def _at_its_limit(lab: Lab, store: Store, classes: int) -> Meter:
    """The worker can do all jobs, but the customer may run only one at a time; the others are last."""
    await store.broker.set_limit("customer:acme", 1)
    await submit_all(store, _each_of_a_class(classes, customer_id="acme"))
    return await _measured(lab, store, [*range(classes), OWN])


async def _measured(
    lab: Lab, store: Store, can_do: list[int], *, workflow: str = "", customers: tuple[str, ...] = (), **own: Any
) -> Meter:
    rounds, at_once = lab.scaled(1_000), 10
    await submit_all(store, (job(OWN, payload_bytes=100, **own) for _ in range(rounds + at_once)))
    worker = await Worker.start(store, "narrow", offer(can_do))
    times = await meter(store.link)
    async with times.block("first claim"):
        held = [*await worker.claim(workflow=workflow, customers=customers)]
    for _ in range(rounds // at_once):
        claims: list[Claimed] = []
        async with times.block("claim"):
            for _ in range(at_once):
                claims += await worker.claim(workflow=workflow, customers=customers)
        async with times.block("complete"):
            for claim in claims:
                await worker.turn([claim])
        if held:
            async with times.block("complete of the first"):
                await worker.turn([held.pop()])
    return times
