"""Somebody deletes a key of a job by hand: the job ends in a legal state or is set aside, and nobody else suffers."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from emp_core.domain.states import TERMINAL, JobState
from emp_core.errors import EmpError, NotFound
from emp_core.store import Store
from tests.faults.queue_server import QueueServer
from tests.support.builders import WorkerDriver, register, submit
from tests.support.time_travel import end_attempt, end_lease, reap

PREFIX = "{emp}:"
LISTS = ("leases", "timeouts", "delayed", "held", "blocked", "avoided", "avoided.until", "expiry")

UNNOTICED = {("delayed", "delayed"), ("retrying", "delayed"), ("cancelling", "leases")}
"""Nobody meets these jobs again until a person does: no chore walks through all jobs."""

Make = Callable[[Store, WorkerDriver], Awaitable[str]]


async def pending(store: Store, worker: WorkerDriver) -> str:
    return await submit(store, priority=100)


async def delayed(store: Store, worker: WorkerDriver) -> str:
    return await submit(store, priority=100, run_at=await store.inspector.now_ms() + 60_000)


async def blocked(store: Store, worker: WorkerDriver) -> str:
    parent = await submit(store, priority=100)
    job = await submit(store, priority=100, depends_on=[parent])
    await worker.complete(await worker.take())
    return job


async def retrying(store: Store, worker: WorkerDriver) -> str:
    job = await submit(store, priority=100)
    await worker.fail(await worker.take())
    return job


async def active(store: Store, worker: WorkerDriver) -> str:
    job = await submit(store, priority=100)
    claim = await worker.take()
    await worker.report(claim, percent=1, message="it runs", lines=("a line",))
    return job


async def lost(store: Store, worker: WorkerDriver) -> str:
    job = await active(store, worker)
    await end_lease(store, job)
    await reap(store)
    return job


async def cancelling(store: Store, worker: WorkerDriver) -> str:
    job = await active(store, worker)
    await store.broker.cancel(job)
    return job


async def completed(store: Store, worker: WorkerDriver) -> str:
    job = await submit(store, priority=100)
    await worker.complete(await worker.take(), picture=1)
    return job


async def failed(store: Store, worker: WorkerDriver) -> str:
    job = await submit(store, priority=100)
    await worker.fail(await worker.take(), retryable=False)
    return job


STATES: list[Make] = [pending, delayed, blocked, retrying, active, lost, cancelling, completed, failed]


def keys_of(server: QueueServer, job: str) -> list[str]:
    return sorted(key.decode() for key in server.client.keys(f"{PREFIX}*{job}*"))


async def pass_time(store: Store, job: str) -> None:
    """All limits of the job are over, and the hub has done its chores."""
    for name in ("leases", "timeouts", "delayed"):
        await store.link.call("ZADD", store.link.key(name), "XX", 1, job)
    if await store.link.call("EXISTS", store.link.key(f"job:{job}")):
        await end_attempt(store, job)
    await reap(store)
    await store.upkeep.repair_quarantine()


async def settled(store: Store, worker: WorkerDriver, job: str) -> str:
    """What becomes of the job when time passes and a worker takes what there is."""
    for _ in range(3):
        await pass_time(store, job)
        await worker.drain()
    try:
        state = (await store.inspector.job(job)).state
    except NotFound:
        return "gone"
    return str(state) if state in TERMINAL else f"stuck in {state}"


@pytest.mark.damages
@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)
async def test_r47_any_key_of_a_job_may_be_deleted(server: QueueServer, store: Store, make: Make) -> None:
    wrong: list[str] = []
    seen = 0
    while True:
        server.client.flushall()
        worker = await register(store)
        job = await make(store, worker)
        keys = keys_of(server, job)
        if seen == len(keys):
            break
        key = keys[seen]
        seen += 1
        server.client.delete(key)
        bystander = await submit(store)
        end = await settled(store, worker, job)
        if end.startswith("stuck") or (await store.inspector.job(bystander)).state is not JobState.COMPLETED:
            wrong.append(f"{make.__name__} without {key}: {end}")
        running = [name for name in (b"leases", b"timeouts") if server.client.zscore(PREFIX.encode() + name, job)]
        wrong += [f"{make.__name__} without {key}: still in {name!r}" for name in running]
    assert wrong == []


@pytest.mark.damages
@pytest.mark.parametrize("damage", ["", "x", "-1 x 2", "1 - - -"])
@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)
async def test_r47_any_field_of_a_job_may_be_damaged(
    server: QueueServer, store: Store, make: Make, damage: str
) -> None:
    """It may be set aside; no call breaks, and the others go on."""
    worker = await register(store)
    fields = server.client.hkeys(f"{PREFIX}job:{await make(store, worker)}")
    for field in fields:
        server.client.flushall()
        worker = await register(store)
        job = await make(store, worker)
        server.client.hset(f"{PREFIX}job:{job}", field, damage)
        bystander = await submit(store)
        for act in (store.broker.hold, store.broker.unhold, store.broker.retry):
            with suppress(EmpError):
                await act(job)
        await store.broker.set_priority([job], 60)
        assert len((await store.search.page()).jobs) >= 1
        await settled(store, worker, job)
        assert (await store.inspector.job(bystander)).state is JobState.COMPLETED, field
        with suppress(EmpError):
            await store.broker.cancel(job)
        await store.upkeep.delete([job])


@pytest.mark.damages
@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)
async def test_r47_a_job_may_be_taken_out_of_any_list(server: QueueServer, store: Store, make: Make) -> None:
    wrong: list[str] = []
    for name in LISTS:
        server.client.flushall()
        worker = await register(store)
        job = await make(store, worker)
        if not server.client.zrem(f"{PREFIX}{name}", job) or (make.__name__, name) in UNNOTICED:
            continue
        end = await settled(store, worker, job)
        if end.startswith("stuck"):
            wrong.append(f"{make.__name__} out of {name}: {end}")
    assert wrong == []


@pytest.mark.damages
@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__)
async def test_r47_a_jobs_hash_may_be_of_another_type(server: QueueServer, store: Store, make: Make) -> None:
    worker = await register(store)
    job = await make(store, worker)
    server.client.delete(f"{PREFIX}job:{job}")
    server.client.set(f"{PREFIX}job:{job}", "not a hash")
    bystander = await submit(store)
    for _ in range(3):
        for name in LISTS:
            server.client.zadd(f"{PREFIX}{name}", {job: 1}, xx=True)
        await reap(store)
        await store.upkeep.repair_quarantine()
        await worker.drain()
    assert (await store.inspector.job(bystander)).state is JobState.COMPLETED
    assert not any(server.client.zscore(f"{PREFIX}{name}", job) for name in LISTS)
