"""The inspector: paged and filtered reads that never look at more than a thousand jobs."""

import json
import random
from typing import Any

import pytest

from emp_core.domain.ordering import TICKS_PER_MS
from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.errors import Ambiguous, EmpError, NotFound
from emp_core.store import JobFilter, Store
from emp_core.store.inspector import LOOK_AT_MOST
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


# Pages.


async def test_the_waiting_are_listed_in_the_order_of_their_claims(store: Store) -> None:
    worker = await register(store, gpu_memory_gb=96)
    dice = random.Random(3)
    for _ in range(150):
        await submit(store, priority=dice.randrange(4), requirements={"gpu_memory_gb": dice.randrange(1, 30)})
    page = await store.inspector.page(JobFilter(states=(JobState.PENDING,)), limit=200)
    assert [job.id for job in page.jobs] == await worker.drain()


async def test_avoided_and_parked_jobs_stand_in_their_place(store: Store) -> None:
    one, _ = await register(store), await register(store, "gpu2:0")
    returned = await submit(store, priority=60)
    await one.release(await one.take())
    await store.broker.set_limit("customer:acme", 1)
    running = await submit(store, priority=90, customer_id="acme")
    parked = await submit(store, priority=80, customer_id="acme")
    await one.take()
    assert await one.claim() is None
    plain = await submit(store, priority=70)
    page = await store.inspector.page(JobFilter(states=(JobState.PENDING,)))
    assert [job.id for job in page.jobs] == [parked, plain, returned]
    assert running not in {job.id for job in page.jobs}


async def test_running_then_waiting_then_ended_the_newest_first(store: Store) -> None:
    worker = await register(store)
    done = [await submit(store) for _ in range(2)]
    for number in range(2):
        await worker.complete(await worker.take())
        await store.link.call("ZADD", store.link.key("jobs:completed"), number + 1, done[number])
    active = await submit(store)
    await worker.take()
    pending, later = await submit(store), await submit(store, run_at=SOON)
    blocked = await submit(store, depends_on=[pending])
    page = await store.inspector.page()
    assert [job.id for job in page.jobs] == [active, pending, later, blocked, done[1], done[0]]
    assert (page.looked_at, page.more) == (6, False)


async def test_running_jobs_are_listed_in_the_order_of_their_starts_whenever_they_beat(store: Store) -> None:
    worker = await register(store)
    for name in ("c", "a", "d", "b"):
        await submit(store, id=name)
    claims = {claim.job_id: claim for claim in [await worker.take() for _ in range(4)]}
    for name in ("a", "b"):  # started in the same millisecond: by id
        key = store.link.key(f"job:{name}")
        words = (await store.link.call("HGET", key, "claim")).decode().split()
        await store.link.call("HSET", key, "claim", " ".join([*words[:2], "1", words[3]]))
    await store.broker.cancel("d")
    wanted = JobFilter(states=(JobState.ACTIVE, JobState.CANCELLING))
    for beating in ("a", "c", "b"):
        await worker.beat(claims[beating])
        for filters in (wanted, JobFilter(states=wanted.states, worker=worker.id)):
            page = await store.inspector.page(filters)
            assert [job.id for job in page.jobs] == ["a", "b", "c", "d"]
    assert [job.id for job in (await store.inspector.page(wanted, limit=2, offset=1)).jobs] == ["b", "c"]


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


@pytest.mark.parametrize("state", list(JobState))
async def test_each_state_is_listed_alone(store: Store, state: JobState) -> None:
    worker = await register(store)
    for name in ("cancelling", "active", "failed", "completed"):
        job = await submit(store, priority=100)
        claim = await worker.take()
        if name == "cancelling":
            await store.broker.cancel(job)
        elif name == "failed":
            await worker.fail(claim, retryable=False)
        elif name == "completed":
            await worker.complete(claim)
    pending = await submit(store)
    await submit(store, run_at=SOON)
    held = await submit(store)
    await store.broker.hold(held)
    await submit(store, depends_on=[pending])
    await store.broker.cancel(await submit(store))
    page = await store.inspector.page(JobFilter(states=(state,)))
    assert {job.state for job in page.jobs} == {state}
    assert len(page.jobs) == (2 if state is JobState.DELAYED else 1)


async def test_pages_follow_each_other(store: Store) -> None:
    jobs = await _submit_many(store, 25)
    pages = [await store.inspector.page(limit=10, offset=offset) for offset in (0, 10, 20, 30)]
    assert [job.id for page in pages for job in page.jobs] == jobs
    assert [page.more for page in pages] == [True, True, False, False]


async def test_a_page_never_looks_at_more_than_a_thousand(store: Store) -> None:
    await _submit_many(store, LOOK_AT_MOST + 100)
    rare = (await _submit_many(store, 1, customer_id="acme"))[0]
    page = await store.inspector.page(JobFilter(customer_id="acme"))
    assert (page.jobs, page.looked_at, page.more) == ((), LOOK_AT_MOST, True)
    narrow = await store.inspector.page(JobFilter(states=(JobState.COMPLETED,)))
    assert (narrow.looked_at, narrow.more) == (0, False)
    assert rare


async def test_exactly_a_thousand_are_all(store: Store) -> None:
    await _submit_many(store, LOOK_AT_MOST)
    page = await store.inspector.page(JobFilter(customer_id="acme"))
    assert (page.looked_at, page.more) == (LOOK_AT_MOST, False)


async def test_filters(store: Store) -> None:
    worker = await register(store)
    mine = await submit(store, customer_id="acme", workflow_id="w")
    other = await submit(store, service="a1111")
    hard = await submit(store, requirements={"gpu_memory_gb": 80})

    async def found(**wanted: Any) -> list[str]:
        return [job.id for job in (await store.inspector.page(JobFilter(**wanted))).jobs]

    assert await found(customer_id="acme") == [mine]
    assert await found(workflow_id="w") == [mine]
    assert await found(service="a1111") == [other]
    assert await found(unworkable=True) == [other, hard]
    claim = await worker.take()
    assert await found(worker=worker.id, states=(JobState.ACTIVE,)) == [claim.job_id]
    assert await found(worker=worker.id, states=(JobState.CANCELLING,)) == []


async def test_a_workflow_is_read_from_its_own_list(store: Store) -> None:
    await _submit_many(store, 300)
    jobs = await _submit_many(store, 3, workflow_id="w")
    page = await store.inspector.page(JobFilter(workflow_id="w"))
    assert ([job.id for job in page.jobs], page.looked_at) == (jobs, 3)


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
    head = next(job for job in (await store.inspector.page()).jobs if job.customer_id == "d4")
    await _age(store, head.id, 3_600_000, look)
    assert 3_600_000 <= ((await store.inspector.summary()).oldest_pending_ms or 0) < 3_700_000
    assert old


async def test_an_empty_queue(store: Store) -> None:
    page, found = await store.inspector.page(), await store.inspector.summary()
    assert (page.jobs, page.looked_at, page.more) == ((), 0, False)
    assert (sum(found.jobs.values()), found.oldest_pending_ms) == (0, None)
