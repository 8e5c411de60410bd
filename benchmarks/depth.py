"""Claim and submit against the depth of the queue: 200 classes, in the steady state."""

from collections.abc import AsyncIterator, Mapping

from benchmarks.lab import Lab
from benchmarks.meter import Meter, longest, meter
from benchmarks.table import Row
from benchmarks.workload import BLOCK, Mix, Worker, churn, job, measured_churn, offer, submit_all
from benchmarks.yardstick import CLAIM, COMPLETE, SUBMIT
from emp_core.store import Store

GROUP = "depth"
CLASSES = 200
SHALLOW = 1_000
SHARES = {"can do 1 %": 0.01, "can do 10 %": 0.1, "can do 100 %": 1.0}
IN_FRONT = "others' jobs in front"


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """Server time of a claim and a submit, for workers that can do 1, 10 and 100 % of the jobs."""
    deep = lab.scaled(1_000_000)
    found = {SHALLOW: await _at_depth(lab, SHALLOW), deep: await _at_depth(lab, deep)}
    for name in SHARES:
        for depth, meters in found.items():
            yield meters[name].row(GROUP, f"claim, {depth:,} pending, {name}", "claim", CLAIM)
    yield found[deep][IN_FRONT].row(GROUP, f"claim, {lab.scaled(100_000):,} of others in front", "claim", CLAIM)
    worst = max(_ratio(found[deep][name]) / _ratio(found[SHALLOW][name]) for name in SHARES)
    yield Row(group=GROUP, name="claim, deep / shallow, worst", value=worst, unit="x", must=2, aim=1.5)
    for kind, bars in (("submit", SUBMIT), ("complete", COMPLETE)):
        for depth, meters in found.items():
            yield meters["can do 10 %"].row(GROUP, f"{kind}, {depth:,} pending", kind, bars)
    yield longest(GROUP, {f"{depth:,}, {name}": one for depth, meters in found.items() for name, one in meters.items()})


def _ratio(found: Meter) -> float:
    """A claim against the yardstick beside it: the two depths are measured minutes apart."""
    return found.of["claim"].usual / found.yardstick.usual_us


async def _at_depth(lab: Lab, depth: int) -> Mapping[str, Meter]:
    mix = Mix(CLASSES)
    async with lab.queue() as store:
        store.broker.max_waiting = 10**9
        await submit_all(store, mix.jobs(depth))
        meters = {name: await _steady(lab, store, mix, share, depth) for name, share in SHARES.items()}
        if depth > SHALLOW:
            own = set(mix.classes_for(0.1))
            others = [job(number, 100) for number in range(CLASSES) if number not in own]
            await submit_all(store, mix.dice.choices(others, k=depth // 10))
            meters[IN_FRONT] = await _steady(lab, store, mix, 0.1, depth)
        return meters


async def _steady(lab: Lab, store: Store, mix: Mix, share: float, depth: int) -> Meter:
    """First uses up the worker's own jobs at the front, so that those of others pile up there.

    Where the share is so small that a block of claims would find too few jobs, several workers have such a share each.
    """
    at_once = min(BLOCK, int(SHALLOW * share / 2))
    workers = [
        await Worker.start(store, f"worker-{share:g}-{number}", offer(classes))
        for number, classes in enumerate(mix.shares(share, BLOCK // at_once))
    ]
    for worker in workers:
        await churn(worker, mix, int(min(depth * share, 100_000) / 10 / at_once) + 1, slots=at_once)
    times = await meter(store.link)
    await measured_churn(workers, mix, lab.scaled(5_000), times)
    return times
