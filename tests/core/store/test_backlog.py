"""Which kinds of jobs wait for how long, and which can never run."""

import pytest

from emp_core.domain.backlog import Backlog, backlog
from emp_core.store import Store, demand
from emp_core.store.demand import read_demand
from tests.support.builders import register, submit


async def found(store: Store, shown: int = 10) -> Backlog:
    read = await read_demand(store.link, await store.inspector.workers())
    return backlog(read, await store.inspector.now_ms(), shown)


async def test_an_empty_queue_has_no_backlog(store: Store) -> None:
    assert await found(store) == Backlog()


async def test_kinds_that_wait_longest_are_in_front_with_the_workers_that_could_run_them(store: Store) -> None:
    await register(store, "gpu1:0", slots=2)
    await register(store, "gpu2:0", gpu_memory_gb=80)
    first = await submit(store, customer_id="acme", requirements={"gpu_memory_gb": 48})
    for customer in ("acme", "globex", None):
        await submit(store, customer_id=customer, priority=90)
    big, small = (await found(store)).waiting
    assert (big.pending, big.offer.workers, big.asks.gpu_memory_gb) == (1, 1, 48)
    assert (small.pending, small.offer.workers, small.offer.free, small.asks.customer_id) == (3, 2, 3, None)
    assert big.oldest_at == (await found(store)).oldest_at == (await store.inspector.job(first)).created_at


async def test_kinds_that_no_worker_can_run_say_why(store: Store) -> None:
    await submit(store, requirements={"gpu_memory_gb": 96})
    assert [need.why for need in (await found(store)).never] == ["no worker is running"]
    await register(store, gpu_memory_gb=24)
    for _ in range(2):
        await submit(store, requirements={"gpu_count": 8}, customer_id="acme")
    await submit(store)
    backlog = await found(store)
    assert [(need.pending, need.asks.customer_id) for need in backlog.never] == [(2, None), (1, None)]
    assert [need.why for need in backlog.never] == [
        "gpu1:0 would fit if gpu_count were 8 (has 1)",
        "gpu1:0 would fit if gpu_memory_gb were 96 (has 24)",
    ]
    assert len(backlog.waiting) == 1


async def test_customer_whom_no_worker_serves_is_the_reason(store: Store) -> None:
    await register(store, denied_customers=["acme"])
    await submit(store, customer_id="acme")
    await submit(store, customer_id="globex")
    backlog = await found(store)
    assert [need.why for need in backlog.never] == ["gpu1:0 would fit if denied_customers had no acme"]
    assert [need.pending for need in backlog.waiting] == [1]


async def test_kinds_that_are_not_told_are_counted(store: Store) -> None:
    await register(store)
    for size in range(1, 5):
        await submit(store, requirements={"gpu_memory_gb": size})
        await submit(store, requirements={"gpu_memory_gb": 100 + size})
    backlog = await found(store, 1)
    assert (len(backlog.waiting), len(backlog.never)) == (1, 1)
    assert (backlog.more_waiting, backlog.more_never, backlog.exact) == (3, 3, True)


async def test_jobs_that_can_never_run_are_found_behind_all_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "MOST_CLASSES", 2)
    await register(store)
    await submit(store, requirements={"gpu_memory_gb": 96}, priority=1)
    for size in range(1, 4):
        await submit(store, requirements={"gpu_memory_gb": size})
    read = await read_demand(store.link, await store.inspector.workers())
    assert read.more_classes == 1
    backlog = await found(store)
    assert ([need.pending for need in backlog.never], backlog.exact) == ([1], False)
