"""import_jobs: stores jobs of another queue."""

from dataclasses import replace
from typing import Any

import pytest

from emp_core.domain.ordering import parts
from emp_core.errors import DeletedId, LimitExceeded, NotFound
from emp_core.store import Store, Submitted, WaitingJob, transfers
from tests.support.builders import register, submit
from tests.support.snapshot import Look

SOON = 4_000_000_000_000


async def taken_out(store: Store, job: str) -> WaitingJob:
    """The job as its line has it; the queue is empty afterwards."""
    found = (await store.transfers.read([job]))[job]
    assert isinstance(found, WaitingJob)
    await store.link.client.flushall()
    await store.link.call("SET", store.link.key("schema"), "3")
    return found


async def stored(store: Store, job: WaitingJob, **more: Any) -> Submitted:
    (answer,) = await store.transfers.store([job], **more)
    assert isinstance(answer, Submitted), answer
    return answer


async def test_job_is_stored_in_its_old_place(store: Store, look: Look) -> None:
    job = await submit(store, priority=70, labels={"batch": "42"}, customer_id="acme")
    before = look().job(job)
    found = await taken_out(store, job)
    assert await stored(store, found) == Submitted(job, "pending", workable=False)
    after = look().job(job)
    assert after.pop("ver") == "2"
    assert before.pop("ver") == "1"
    assert {**after, "ttl_at": ""} == {**before, "ttl_at": ""}


async def test_a_repeated_call_answers_already(store: Store) -> None:
    found = await taken_out(store, await submit(store))
    await stored(store, found)
    assert (await stored(store, found)).repeated


async def test_it_wakes_a_worker(store: Store) -> None:
    found = await taken_out(store, await submit(store))
    worker = await register(store)
    assert await worker.claim() is None
    await stored(store, found)
    assert len(await worker.tokens()) == 1
    assert await worker.drain() == [found.id]


@pytest.mark.parametrize(
    ("asked", "state"),
    [({"run_at": SOON}, "delayed"), ({"run_at": SOON, "deadline": SOON + 1}, "delayed"), ({}, "pending")],
)
async def test_due_time_is_kept(asked: dict[str, int], state: str, store: Store, look: Look) -> None:
    found = await taken_out(store, await submit(store, **asked))
    assert (await stored(store, found)).state == state
    assert look().scores("delayed") == ({found.id: SOON} if asked else {})


async def test_due_time_that_has_passed_leaves_it_pending(store: Store) -> None:
    found = await taken_out(store, await submit(store, run_at=SOON))
    assert (await stored(store, replace(found, values={**found.values, "due": "1"}))).state == "pending"


async def test_counters_attempts_and_the_last_failure_are_kept(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, max_failures=5)
    await worker.fail(await worker.take(), code="out_of_memory")
    before = look().job(job)
    await stored(store, await taken_out(store, job))
    after = look().job(job)
    kept = ("attempt", "claimed", "began", "failures", "max_failures", "cause", "error", "due", "created", "score")
    assert {name: after.get(name) for name in kept} == {name: before.get(name) for name in kept}
    assert "worker" not in after
    again = await register(store)
    assert await again.claim() is None, "it backs off"


async def test_held_job_stays_held_and_can_be_unheld(store: Store, look: Look) -> None:
    job = await submit(store, deadline=SOON)
    await store.broker.hold(job)
    found = await taken_out(store, job)
    await stored(store, found)
    assert list(look().scores("held")) == [job]
    assert look().scores("expiry") == {job: SOON}
    await store.broker.unhold(job)
    assert look().job(job)["state"] == "pending"


async def test_jobs_of_a_workflow_bring_its_place(store: Store, look: Look) -> None:
    first = await submit(store, workflow_id="w", priority=80)
    before = look().fields("workflow:w")
    found = await taken_out(store, first)
    await stored(store, found)
    after = look().fields("workflow:w")
    assert {**after, "first_seen": ""} == {**before, "first_seen": ""}
    second = await submit(store, workflow_id="w", priority=1)
    assert parts(int(look().job(second)["score"])) == (80, parts(int(look().job(first)["score"]))[1] + 1)


async def test_blocked_job_waits_for_the_parent_that_is_here(store: Store, look: Look) -> None:
    await submit(store, id="parent")
    await submit(store, id="child", depends_on=["parent"])
    read = await store.transfers.read(["parent", "child"])
    child = await taken_out(store, "child")
    (refused,) = await store.transfers.store([child])
    assert isinstance(refused, NotFound)
    assert refused.name == "parent"
    assert look().jobs() == {}
    assert isinstance(read["parent"], WaitingJob)
    await store.transfers.store([read["parent"], child])
    worker = await register(store)
    assert await worker.drain() == ["parent", "child"]


async def test_deleted_id_is_not_stored_again(store: Store) -> None:
    job = await submit(store)
    found = (await store.transfers.read([job]))[job]
    assert isinstance(found, WaitingJob)
    await (await register(store)).drain()
    await store.broker.delete([job])
    (answer,) = await store.transfers.store([found])
    assert isinstance(answer, DeletedId)


async def test_full_queue_takes_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await taken_out(store, await submit(store))
    monkeypatch.setattr(transfers, "MAX_WAITING", 1)
    answers = await store.transfers.store([found, replace(found, id="other")])
    assert isinstance(answers[0], Submitted)
    assert isinstance(answers[1], LimitExceeded)


async def test_events_of_an_imported_job_go_on_from_its_version(store: Store, look: Look) -> None:
    job = await submit(store)
    await store.broker.hold(job)
    await store.broker.unhold(job)
    await stored(store, await taken_out(store, job))
    await (await register(store)).drain()
    assert [(event.name, event.version) for event in await store.events.of_job(job)] == [
        ("imported", 4),
        ("claimed", 5),
        ("completed", 6),
    ]
