"""The inspector: paged and filtered reads that never look at more than a thousand jobs."""

import json
from typing import Any

import pytest

from emp_core.domain.ordering import TICKS_PER_MS
from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.errors import Ambiguous, EmpError, NotFound
from emp_core.store import Store, inspector
from tests.support.builders import make_request, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_lease, reap

SOON = 4_000_000_000_000


async def _submit_many(store: Store, count: int, **changes: Any) -> list[str]:
    answers = await store.broker.submit_many([make_request(**changes) for _ in range(count)])
    return [answer.id for answer in answers if not isinstance(answer, EmpError)]


async def test_a_job_is_shown_as_it_is(store: Store) -> None:
    worker = await register(store)
    before = await store.inspector.now_ms()
    job = await submit(
        store, priority=70, customer_id="acme", workflow_id="w", timeout_seconds=90, requirements={"gpu_memory_gb": 8}
    )
    claim = await worker.take()
    await worker.report(claim, percent=12.5, message="loading")
    shown = await store.inspector.job(job)
    assert (shown.state, shown.priority, shown.service, shown.version) == (JobState.ACTIVE, 70, "comfyui", 2)
    assert (shown.customer_id, shown.workflow_id, shown.timeout_seconds, shown.attempt) == ("acme", "w", 90, 1)
    assert (shown.worker, shown.progress, shown.message) == (worker.id, 12.5, "loading")
    assert shown.requirements.gpu_memory_gb == 8
    assert shown.created_at >= before
    assert shown.started_at == shown.claimed_at
    assert (shown.lease_until or 0) > before + 20_000


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.inspector.job("nobody")
    with pytest.raises(NotFound):
        await store.inspector.worker("nobody")
    assert await store.inspector.body("nobody") is None
    assert await store.inspector.outcome("nobody") is None
    assert await store.inspector.log("nobody") == []
    assert await store.inspector.attempts("nobody") == []


async def test_a_completed_job_is_at_100_percent_and_a_waiting_one_has_no_progress(store: Store) -> None:
    worker = await register(store)
    reported, silent, back = [await submit(store) for _ in range(3)]
    claims = [await worker.take() for _ in range(3)]
    for claim in (claims[0], claims[2]):
        await worker.report(claim, percent=40, message="sampling")
    assert (await store.inspector.job(reported)).progress == 40
    await worker.complete(claims[0])
    await worker.complete(claims[1])
    await worker.release(claims[2])
    assert [(await store.inspector.job(job)).progress for job in (reported, silent, back)] == [100, 100, None]
    assert (await worker.take()).job_id == back
    again = await store.inspector.job(back)
    assert (again.state, again.progress, again.message) == (JobState.ACTIVE, None, None)


# Ids by their beginning.


async def test_a_prefix_of_four_characters_finds_a_job(store: Store) -> None:
    job = await submit(store, id="abcd-1")
    await submit(store, id="abce-1")
    assert await store.inspector.resolve("abcd") == job
    assert await store.inspector.resolve("abcd-1") == job


async def test_a_prefix_of_several_names_them(store: Store) -> None:
    for n in range(8):
        await submit(store, id=f"abcd-{n}")
    with pytest.raises(Ambiguous) as refused:
        await store.inspector.resolve("abcd-")
    assert len(refused.value.candidates) == 5


async def test_a_whole_id_wins_over_what_it_begins(store: Store) -> None:
    for name in ("abcd", "abcde", "ab"):
        await submit(store, id=name)
    assert await store.inspector.resolve("abcd") == "abcd"
    assert await store.inspector.resolve("ab") == "ab"


@pytest.mark.parametrize("prefix", ["a", "abc", "zzzz", "abcd*", "abcd-1x"])
async def test_a_prefix_of_nothing_is_not_found(store: Store, prefix: str) -> None:
    await submit(store, id="abcd-1")
    with pytest.raises(NotFound):
        await store.inspector.resolve(prefix)


async def test_the_id_of_a_deleted_job_is_not_found(store: Store) -> None:
    await submit(store, id="abcd-1")
    await store.broker.cancel("abcd-1")
    await store.upkeep.delete(["abcd-1"])
    with pytest.raises(NotFound):
        await store.inspector.resolve("abcd")


# Around a job.


async def test_attempts_and_log(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.release(await worker.take(), "drain")
    claim = await worker.take()
    await worker.report(claim, lines=("one", "two", "three"))
    await end_lease(store, job)
    await reap(store)
    attempts = await store.inspector.attempts(job)
    assert [(attempt.number, attempt.outcome, attempt.detail) for attempt in attempts] == [
        (1, "released", "drain"),
        (2, "lost", ""),
    ]
    assert attempts[0].worker == worker.id
    assert 0 < attempts[0].claimed_at <= attempts[0].ended_at
    assert await store.inspector.log(job) == ["one", "two", "three"]
    assert await store.inspector.log(job, 2) == ["three"]


async def test_the_body_is_what_was_submitted(store: Store) -> None:
    job = await submit(store, payload={"seed": 2**64 + 7, "empty": []})
    assert json.loads(await store.inspector.body(job) or b"") == {"payload": {"seed": 2**64 + 7, "empty": []}}


async def test_holds_is_the_fence(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    assert await store.inspector.holds(job, worker.id, 1, claim.nonce)
    assert not await store.inspector.holds(job, worker.id, 2, claim.nonce)
    assert not await store.inspector.holds(job, "other", 1, claim.nonce)
    await worker.complete(claim)
    assert not await store.inspector.holds(job, worker.id, 1, claim.nonce)
    assert await store.inspector.known([job, "nobody"]) == {job}


# Workers, classes, the whole.


async def test_a_worker_is_shown_with_what_it_runs(store: Store) -> None:
    worker = await register(store, machine="rack-7")
    job = await submit(store)
    await worker.take()
    shown = await store.inspector.worker(worker.id)
    assert (shown.machine, shown.state, shown.active, shown.slots) == ("rack-7", WorkerState.READY, (job,), 1)
    assert shown.capabilities == worker.capabilities
    assert shown.services == {"comfyui": "up"}


async def test_the_gone_are_shown_where_asked_for(store: Store) -> None:
    for name in ("b", "a", "c"):
        await register(store, name)
    await store.registry.steer("b", WorkerState.STOPPED)
    assert [worker.id for worker in await store.inspector.workers()] == ["a", "c"]
    found = await store.inspector.workers(gone=True)
    assert [(worker.id, worker.state) for worker in found][1] == ("b", WorkerState.STOPPED)


async def test_classes_that_wait_the_best_head_first(store: Store, look: Look) -> None:
    await register(store)
    await submit(store, priority=10)
    await submit(store, priority=90, requirements={"gpu_memory_gb": 80})
    await submit(store, priority=20)
    found = await store.inspector.waiting_classes()
    assert [(view.pending, view.unworkable) for view in found] == [(1, True), (2, False)]
    assert [view.class_id for view in found] == sorted(
        look().scores("heads"), key=lambda name: -look().scores("heads")[name]
    )


async def test_the_summary(store: Store) -> None:
    worker = await register(store)
    await register(store, "gpu2:0")
    await store.registry.steer("gpu2:0", WorkerState.PAUSED)
    await submit(store)
    await worker.take()
    await submit(store)
    await submit(store, requirements={"gpu_memory_gb": 80})
    found = await store.inspector.summary()
    assert {state: count for state, count in found.jobs.items() if count} == {"active": 1, "pending": 2}
    assert dict(found.workers) == {"paused": 1, "ready": 1}
    assert (found.slots, found.busy_slots, found.classes_waiting, found.unworkable_jobs) == (2, 1, 2, 1)
    assert 0 <= (found.oldest_pending_ms or 0) < 60_000
    assert dict(found.services) == {"comfyui": 2}


async def test_summary_says_when_it_did_not_count_all_unworkable_jobs(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspector, "CLASSES_AT_MOST", 2)
    for customer in ("a", "b"):
        await submit(store, customer_id=customer)
    found = await store.inspector.summary()
    assert (found.unworkable_jobs, found.unworkable_exact) == (2, True)
    await submit(store, customer_id="c")
    found = await store.inspector.summary()
    assert (found.unworkable_jobs, found.unworkable_exact) == (2, False)


@pytest.mark.damages
@pytest.mark.parametrize(
    "damage",
    [("SET", "worker:gpu1:0", "x"), ("HSET", "worker:gpu1:0", "state", "odd"), ("SET", "jobs:active:gpu1:0", "x")],
)
async def test_summary_counts_a_damaged_worker_as_the_list_of_workers_does(
    store: Store, damage: tuple[str, str, str]
) -> None:
    await register(store)
    command, name, *rest = damage
    if command == "SET":
        await store.link.call("DEL", store.link.key(name))
    await store.link.call(command, store.link.key(name), *rest)
    found = await store.inspector.summary()
    (worker,) = await store.inspector.workers()
    assert dict(found.workers) == {worker.state: 1}
    assert (found.slots, found.busy_slots) == (worker.slots, len(worker.active))


async def _age(store: Store, job_id: str, ms: int, look: Look) -> None:
    """Move a pending job's place back in time, in every list that has it."""
    place = (await store.inspector.job(job_id)).score + ms * TICKS_PER_MS
    for name in look().entries:
        if name == "avoided" or name.startswith("jobs:pending:"):
            await store.link.call("ZADD", store.link.key(name), "XX", place, job_id)
    spec = (await store.link.call("HGET", store.link.key(f"job:{job_id}"), "spec")).decode().split()
    await store.link.call("HSET", store.link.key(f"job:{job_id}"), "spec", " ".join([spec[0], str(place), *spec[2:]]))
    for name in look().scores("heads"):
        key = store.link.key(f"jobs:pending:{name}")
        best = (await store.link.call("ZRANGE", key, 0, 0, "REV", "WITHSCORES"))[1]
        await store.link.call("ZADD", store.link.key("heads"), best, name)


@pytest.mark.parametrize("hidden", ["behind newer ones of its class", "parked", "waiting for another worker"])
async def test_the_oldest_pending_job_is_found_wherever_it_waits(store: Store, look: Look, hidden: str) -> None:
    worker, _ = await register(store), await register(store, "gpu2:0")
    old = await submit(store, customer_id="acme", priority=20)
    if hidden == "parked":
        await store.broker.set_limit("customer:acme", 0)
        assert await worker.claim() is None
    elif hidden == "waiting for another worker":
        await worker.release(await worker.take())
    await _age(store, old, 7_200_000, look)
    for priority in (90, 50, 50, 1):
        await submit(store, customer_id="acme", priority=priority)
    found = await store.inspector.summary()
    assert 7_200_000 <= (found.oldest_pending_ms or 0) < 7_300_000
    assert found.oldest_pending_exact


async def test_of_very_many_classes_the_oldest_head_is_found_and_the_rest_said_to_be_unseen(
    store: Store, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emp_core.store.oldest.MOST_CLASSES", 3)
    old = await submit(store, customer_id="c0", priority=1)
    for number in range(5):
        await submit(store, customer_id=f"c{number}", priority=50 + number)
        await submit(store, customer_id=f"d{number}", priority=1)
    assert not (await store.inspector.summary()).oldest_pending_exact
    head = next(job for job in (await store.search.page()).jobs if job.customer_id == "d4")
    await _age(store, head.id, 3_600_000, look)
    assert 3_600_000 <= ((await store.inspector.summary()).oldest_pending_ms or 0) < 3_700_000
    assert old


async def test_an_empty_queue(store: Store) -> None:
    page, found = await store.search.page(), await store.inspector.summary()
    assert (page.jobs, page.searched, page.cursor) == ((), 0, None)
    assert (sum(found.jobs.values()), found.oldest_pending_ms) == (0, None)
