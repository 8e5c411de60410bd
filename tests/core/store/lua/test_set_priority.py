"""set_priority: T21."""

from emp_core.domain.ordering import parts
from emp_core.store import Store
from tests.support.builders import make_request, register, seen_by, submit
from tests.support.snapshot import Look

SOON = 4_000_000_000_000


async def test_t21_another_priority_the_same_time(store: Store, look: Look) -> None:
    job = await submit(store, priority=30)
    before = parts(int(look().job(job)["score"]))
    assert await store.broker.set_priority([job], 80) == {job: "ok"}
    assert parts(int(look().job(job)["score"])) == (80, before[1])
    assert look().event_names(job) == ["submitted", "reprioritised"]


async def test_t21_up_and_down_the_order_follows(store: Store) -> None:
    worker = await register(store)
    jobs = [await submit(store) for _ in range(3)]
    await store.broker.set_priority([jobs[2]], 90)
    await store.broker.set_priority([jobs[0]], 10)
    assert await worker.drain() == [jobs[2], jobs[1], jobs[0]]


async def test_t21_delayed_and_blocked_jobs_take_it_along(store: Store, look: Look) -> None:
    later, parent = await submit(store, run_at=SOON), await submit(store)
    child = await submit(store, depends_on=[parent])
    assert set((await store.broker.set_priority([later, child], 90)).values()) == {"ok"}
    found = look()
    assert [found.job(job)["state"] for job in (later, child)] == ["delayed", "blocked"]
    assert [parts(int(found.job(job)["score"]))[0] for job in (later, child)] == [90, 90]
    worker = await register(store)
    claim = await worker.take()
    other = await submit(store)
    await worker.complete(claim)
    assert await worker.drain() == [child, other]


async def test_t21_what_runs_or_has_ended_is_not_moved(store: Store) -> None:
    worker = await register(store)
    running, ended = await submit(store), await submit(store)
    await worker.take()
    await store.broker.cancel(ended)
    answers = await store.broker.set_priority([running, ended, "nobody"], 90)
    assert answers == {running: "active", ended: "cancelled", "nobody": "gone"}


async def test_i13_a_customer_moves_only_its_own(store: Store) -> None:
    job = await submit(store, customer_id="acme")
    assert await seen_by(store, "other").broker.set_priority([job], 90) == {job: "gone"}
    assert await seen_by(store, "acme").broker.set_priority([job], 90) == {job: "ok"}


async def test_t21_a_higher_priority_wakes_nobody_twice(store: Store) -> None:
    workers = [await register(store, f"gpu{n}:0") for n in range(2)]
    assert [await worker.claim() for worker in workers] == [None, None]
    job = await submit(store)
    await store.broker.set_priority([job], 90)
    woken = [worker for worker in workers if await worker.tokens()]
    assert len(woken) <= 2
    assert await woken[0].claim() is not None


async def test_t21_a_workflow_moves_whole_and_so_do_its_jobs_to_come(store: Store, look: Look) -> None:
    worker = await register(store)
    jobs = [await submit(store, workflow_id="w") for _ in range(3)]
    await worker.take()
    other = await submit(store, priority=60)
    assert await store.broker.set_workflow_priority("w", 70) == 2
    jobs.append(await submit(store, workflow_id="w", priority=1))
    assert look().fields("workflow:w")["priority"] == "70"
    assert await worker.drain() == [*jobs[1:], other]


async def test_t21_five_hundred_jobs_of_a_workflow_a_call(store: Store) -> None:
    await store.broker.submit_many([make_request(workflow_id="w") for _ in range(501)])
    assert await store.broker.set_workflow_priority("w", 70) == 501
