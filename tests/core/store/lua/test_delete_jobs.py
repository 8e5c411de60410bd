"""delete_jobs: T16."""

from emp_core.domain.policy import POLICY
from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look


async def test_t16_r46_nothing_is_left_but_its_name(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, customer_id="acme", workflow_id="w", idempotency_key="k")
    claim = await worker.take()
    await worker.report(claim, percent=10.0, message="half way", lines=("a line",))
    await worker.release(claim)
    await worker.complete(await worker.take(), images=1)
    name = look().job(job)["class"]
    assert await store.upkeep.delete([job]) == [job]
    found = look()
    assert [key for key in found.entries if job in key] == [f"job.gone:{job}"]
    assert found.string(f"job.gone:{job}") == b"completed acme"
    assert 0 < found.entries[f"job.gone:{job}"].ttl_ms <= POLICY.idempotency_ms
    assert 0 < found.entries["idempotency:acme/k"].ttl_ms <= POLICY.idempotency_ms
    assert (await store.inspector.summary()).jobs["completed"] == 0
    assert found.scores("classes.empty").keys() == {name}
    assert found.event_names(job)[-1] == "deleted"


async def test_t16_only_what_has_ended(store: Store, look: Look) -> None:
    worker = await register(store)
    running = await submit(store)
    await worker.take()
    waiting = await submit(store)
    later = await submit(store, run_at=4_000_000_000_000)
    blocked = await submit(store, depends_on=[waiting])
    before = set(look().entries)
    assert await store.upkeep.delete([running, waiting, later, blocked, "nobody"]) == []
    assert set(look().entries) == before


async def test_t16_of_many_those_that_can_go_do(store: Store) -> None:
    jobs = [await submit(store) for _ in range(3)]
    await store.broker.cancel(jobs[1])
    assert await store.upkeep.delete(jobs) == [jobs[1]]
    assert await store.upkeep.delete(jobs) == []


async def test_t16_a_version_more_tells_of_it(store: Store) -> None:
    job = await submit(store)
    await store.broker.cancel(job)
    await store.upkeep.delete([job])
    events = [event for event in await store.events.recent(10) if event.job == job]
    assert [(event.name, event.version) for event in events] == [("submitted", 1), ("cancelled", 2), ("deleted", 3)]
