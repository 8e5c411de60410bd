"""take_turn: what a worker may take besides fitting: limits of customers and classes, reservations."""

from emp_core.store import Store
from tests.support.builders import WorkerDriver, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_lease, reap


async def test_a_customer_at_its_limit_is_parked_until_a_job_ends(store: Store, look: Look) -> None:
    worker = await register(store)
    await store.broker.set_limit("customer:acme", 1)
    first, second = await submit(store, customer_id="acme"), await submit(store, customer_id="acme")
    other = await submit(store)
    claim = await worker.take()
    assert claim.job_id == first
    assert (await worker.take()).job_id == other
    found = look()
    assert found.members("parked") == found.members("parked:customer:acme") == {found.job(second)["class"]}
    assert found.scores("heads") == {}
    await worker.complete(claim)
    assert (await worker.take()).job_id == second
    assert look().members("parked") == set()


async def test_all_classes_of_a_customer_count_together(store: Store) -> None:
    worker = await register(store)
    await store.broker.set_limit("customer:acme", 2)
    jobs = [await submit(store, customer_id="acme", requirements={"gpu_memory_gb": n}) for n in (1, 2, 3)]
    claims = [await worker.take() for _ in range(2)]
    assert await worker.claim() is None
    await worker.release(claims[0])
    assert [claim.job_id for claim in claims] == jobs[:2]


async def test_a_class_at_its_limit_is_parked(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    name = look().job(job)["class"]
    await submit(store)
    await store.broker.set_limit(f"class:{name}", 1)
    claim = await worker.take()
    assert await worker.claim() is None
    await worker.fail(claim, retryable=False)
    assert (await worker.take()).class_id == name


async def test_a_lost_lease_gives_the_slot_back(store: Store) -> None:
    worker = await register(store)
    await store.broker.set_limit("customer:acme", 1)
    first, second = await submit(store, customer_id="acme"), await submit(store, customer_id="acme", priority=90)
    assert (await worker.take()).job_id == second
    assert await worker.claim() is None
    await end_lease(store, second)
    await reap(store)
    assert (await worker.take()).job_id == second
    assert await store.broker.cancel(first) == "cancelled"


async def test_what_arrives_while_parked_waits_with_the_others(store: Store, look: Look) -> None:
    worker = await register(store)
    await store.broker.set_limit("customer:acme", 1)
    await submit(store, customer_id="acme")
    claim = await worker.take()
    await submit(store, customer_id="acme")
    assert await worker.claim() is None
    urgent = await submit(store, customer_id="acme", priority=100)
    assert await worker.claim() is None
    assert look().scores("heads") == {}
    await worker.complete(claim)
    assert (await worker.take()).job_id == urgent


async def test_a_limit_holds_for_jobs_that_avoid_a_worker(store: Store, look: Look) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    returned = await submit(store, customer_id="acme")
    await one.release(await one.take())
    assert look().scores("avoided").keys() == {returned}
    await store.broker.set_limit("customer:acme", 1)
    running = await submit(store, customer_id="acme", requirements={"gpu_memory_gb": 1}, priority=90)
    claim = await two.take()
    assert claim.job_id == running
    assert await two.claim() is None
    assert await two.tokens() == []
    await one.turn(claims=1)
    await two.complete(claim)
    assert await one.tokens() == []
    assert len(await two.tokens()) == 1
    assert (await two.take()).job_id == returned


async def test_a_limit_frees_a_job_that_avoids_a_worker_and_wakes_for_it(store: Store) -> None:
    one, two, three = [await register(store, f"gpu{n}:0") for n in (1, 2, 3)]
    await submit(store, customer_id="acme")
    await one.release(await one.take())
    await store.broker.set_limit("customer:acme", 1)
    await submit(store, customer_id="acme", requirements={"gpu_memory_gb": 1}, priority=90)
    claim = await two.take()
    assert await three.claim() is None
    await two.complete(claim)
    assert len(await three.tokens()) == 1


async def _woken(*workers: WorkerDriver) -> int:
    return sum([len(await worker.tokens()) for worker in workers])


async def test_one_ended_job_wakes_one_worker_though_two_classes_wait(store: Store) -> None:
    one, two, three = [await register(store, f"gpu{n}:0") for n in (1, 2, 3)]
    await store.broker.set_limit("customer:acme", 1)
    for gb in (1, 2, 3):
        await submit(store, customer_id="acme", requirements={"gpu_memory_gb": gb})
    claim = await one.take()
    assert [await worker.claim() for worker in (two, three)] == [None, None]
    await one.complete(claim)
    assert await _woken(two, three) == 1


async def test_one_ended_job_wakes_one_worker_though_an_avoided_job_waits_too(store: Store) -> None:
    one, two, three, four = [await register(store, f"gpu{n}:0") for n in (1, 2, 3, 4)]
    await submit(store, customer_id="acme")
    await one.release(await one.take())
    await store.broker.set_limit("customer:acme", 1)
    await submit(store, customer_id="acme", requirements={"gpu_memory_gb": 1}, priority=90)
    claim = await two.take()
    await submit(store, customer_id="acme")
    assert [await worker.claim() for worker in (three, four)] == [None, None]
    await two.complete(claim)
    assert await _woken(three, four) == 1


async def test_a_limit_holds_for_a_worker_reserved_for_a_workflow(store: Store, look: Look) -> None:
    worker = await register(store)
    await store.broker.set_limit("customer:acme", 1)
    jobs = [await submit(store, customer_id="acme", workflow_id="w") for _ in range(2)]
    claim = await worker.take(workflow="w")
    assert claim.job_id == jobs[0]
    assert await worker.claim(workflow="w") is None
    assert look().scores("heads") == {}
    await worker.complete(claim)
    assert (await worker.take(workflow="w")).job_id == jobs[1]


async def test_a_worker_reserved_for_a_workflow_takes_its_jobs_only_in_order(store: Store) -> None:
    worker = await register(store)
    await submit(store, priority=100)
    jobs = [await submit(store, workflow_id="w") for _ in range(3)]
    await submit(store, workflow_id="w2", priority=100)
    taken = []
    while (claim := await worker.claim(workflow="w")) is not None:
        taken.append(claim.job_id)
    assert taken == jobs


async def test_a_reserved_worker_looks_past_any_number_that_it_cannot_do(store: Store) -> None:
    worker = await register(store)
    for _ in range(210):
        await submit(store, workflow_id="w", requirements={"gpu_memory_gb": 80})
    job = await submit(store, workflow_id="w")
    assert (await worker.take(workflow="w")).job_id == job


async def test_a_reserved_worker_judges_what_nobody_judged(store: Store) -> None:
    jobs = [await submit(store, workflow_id="w", requirements={"gpu_memory_gb": n}) for n in (80, 1)]
    worker = await register(store, judge=False)
    assert (await worker.take(workflow="w")).job_id == jobs[1]


async def test_a_worker_at_its_customers_takes_the_best_of_theirs(store: Store) -> None:
    worker = await register(store)
    await submit(store, customer_id="c", priority=100)
    await submit(store, priority=100)
    low = await submit(store, customer_id="a")
    high = await submit(store, customer_id="b", priority=80, requirements={"gpu_memory_gb": 1})
    taken = []
    while (claim := await worker.claim(customers=("a", "b"))) is not None:
        taken.append(claim.job_id)
    assert taken == [high, low]


async def test_i13_a_strict_worker_runs_listed_customers_only(store: Store) -> None:
    strict = await register(store, isolation="strict", allowed_customers=["acme"])
    await submit(store)
    await submit(store, customer_id="other")
    job = await submit(store, customer_id="acme")
    isolated = await submit(store, customer_id="acme", requirements={"isolation": "strict"})
    open_worker = await register(store, "gpu2:0")
    assert await strict.drain() == [job, isolated]
    await submit(store, customer_id="acme", requirements={"isolation": "strict"})
    assert isolated not in await open_worker.drain()
