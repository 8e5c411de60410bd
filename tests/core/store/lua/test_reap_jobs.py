"""reap_jobs: T2, T9 to T11, T13: what time does, by any hub."""

import asyncio

import pytest

from emp_core.domain.json_text import load_json
from emp_core.domain.policy import POLICY
from emp_core.store import Store
from tests.support.builders import LEASE_MS, register, submit
from tests.support.redis_server import Server
from tests.support.snapshot import Look
from tests.support.time_travel import end_attempt, end_lease, end_silence, end_worker, expire, fall_due, reap

SOON = 4_000_000_000_000


async def test_t2_a_due_job_is_pending_and_wakes_one(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, run_at=SOON)
    assert await worker.claim() is None
    place = look().job(job)["score"]
    await fall_due(store, job)
    assert await reap(store) == 1
    assert look().job(job)["state"] == "pending"
    assert look().job(job)["score"] == place
    assert len(await worker.tokens()) == 1
    assert look().event_names(job) == ["submitted", "due"]


async def test_t2_not_before_its_time_nor_while_held(store: Store, look: Look) -> None:
    job, held = await submit(store, run_at=SOON), await submit(store, run_at=SOON)
    await store.broker.hold(held)
    await store.link.call("HSET", store.link.key(f"job:{held}"), "due", 1)
    assert await reap(store) == 0
    assert {look().job(name)["state"] for name in (job, held)} == {"delayed"}


async def test_the_answer_says_when_the_next_job_is_due(store: Store) -> None:
    assert await store.upkeep.reap(LEASE_MS) == (0, None)
    await submit(store, run_at=SOON)
    before = await store.inspector.now_ms()
    _, next_due = await store.upkeep.reap(LEASE_MS)
    after = await store.inspector.now_ms()
    assert next_due is not None
    assert SOON - after <= next_due <= SOON - before


async def test_t9_a_lease_that_ran_out_gives_the_job_back_in_its_place(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    place = look().job(job)["score"]
    await end_lease(store, job)
    assert await reap(store) == 1
    found = look().job(job)
    assert (found["state"], found["losses"], found["avoid"], found["score"]) == ("pending", "1", worker.id, place)
    assert found["nonce"] == claim.nonce, "its holder may come back for it"
    assert [attempt.outcome for attempt in await store.inspector.attempts(job)] == ["lost"]


async def test_t9_r8_after_three_losses_the_job_is_poison(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    for _ in range(POLICY.max_losses):
        claim = await worker.take()
        await end_lease(store, job)
        await reap(store)
    assert (look().job(job)["state"], look().job(job)["code"]) == ("failed", "poison")
    assert look().job(job)["attempt"] == "3"
    assert await worker.complete(claim) == "stale"


async def test_t9_r12_at_most_once_ends_as_lost(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, on_lost="fail")
    claim = await worker.take()
    await end_lease(store, job)
    await reap(store)
    assert (look().job(job)["state"], look().job(job)["code"]) == ("failed", "lost")
    assert await worker.beat(claim) == ["lost:released"]
    assert await worker.complete(claim) == "stale"


LIMITS = {"timeout": "took longer than its limit of 1800 s", "stalled": "made no progress for 600 s"}


async def test_t10_a_timeout_names_the_last_message_of_its_own_attempt(store: Store) -> None:
    worker = await register(store)
    job = await submit(store, timeout_seconds=90, max_failures=2)
    await worker.report(await worker.take(), percent=0.0, message="waits in ComfyUI behind 1, 1 of other clients")
    messages: list[str] = []
    for _ in range(2):
        await end_attempt(store, job)
        await reap(store)
        await fall_due(store, job)
        await reap(store)
        messages.append(load_json((await store.inspector.attempts(job))[-1].detail)["message"])
        await worker.claim()
    limit = "took longer than its limit of 90 s"
    assert messages == [f"{limit}; last message: waits in ComfyUI behind 1, 1 of other clients", limit]
    assert (await store.inspector.outcome(job))["message"] == limit


@pytest.mark.parametrize(("end", "code"), [(end_attempt, "timeout"), (end_silence, "stalled")])
async def test_t10_r36_a_limit_ends_the_attempt_though_the_worker_beats(
    store: Store, look: Look, end: object, code: str
) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await worker.beat(claim)
    await end(store, job)  # type: ignore[operator]
    await reap(store)
    found = look().job(job)
    assert (found["state"], found["failures"], found["avoid"]) == ("delayed", "1", worker.id)
    assert "nonce" not in found
    (attempt,) = await store.inspector.attempts(job)
    assert attempt.outcome == code
    assert load_json(attempt.detail)["message"] == LIMITS[code]
    assert look().event_names(job)[-1] == "retrying"


async def test_t10_the_last_run_fails_with_its_code(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, max_failures=1)
    await worker.take()
    await end_attempt(store, job)
    await reap(store)
    assert (look().job(job)["state"], look().job(job)["code"]) == ("failed", "timeout")


async def test_t10_progress_puts_the_stall_limit_off(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await worker.report(claim, percent=1.0, stall_ms=1_000)
    await store.link.call("ZADD", store.link.key("timeouts"), 1, job)
    await worker.report(claim, percent=2.0, stall_ms=60_000)
    await reap(store)
    assert look().job(job)["state"] == "active"
    assert look().scores("timeouts")[job] == float(look().job(job)["stalls"])


async def test_t10_a_stall_limit_does_not_outlive_its_attempt(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await worker.report(claim, percent=1.0, stall_ms=1_000)
    await worker.release(claim)
    await worker.take()
    assert "stalls" not in look().job(job)
    assert look().scores("timeouts")[job] == float(look().job(job)["claimed"]) + POLICY.attempt_timeout_ms


@pytest.mark.parametrize("state", ["pending", "delayed"])
async def test_t11_a_job_that_waited_too_long_expires(store: Store, look: Look, state: str) -> None:
    job = await submit(store, **({"run_at": SOON} if state == "delayed" else {}))
    assert look().job(job)["state"] == state
    await expire(store, job)
    await reap(store)
    assert (look().job(job)["state"], look().job(job)["code"]) == ("failed", "expired")
    assert look().scores("heads") == {}


async def test_t11_a_deadline_counts_until_the_first_start_only(store: Store, look: Look) -> None:
    worker = await register(store)
    deadline = await store.inspector.now_ms() + 100_000
    job = await submit(store, deadline=deadline)
    assert look().scores("expiry") == {job: deadline}
    claim = await worker.take()
    await worker.fail(claim)
    await fall_due(store, job)
    await reap(store)
    assert look().scores("expiry") == {}
    await store.link.call("HSET", store.link.key(f"job:{job}"), "deadline", 1)
    assert (await worker.take()).job_id == job


async def test_t13_r39_a_cancel_ends_when_its_grace_does(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await store.broker.cancel(job)
    await end_lease(store, job)
    await reap(store)
    assert look().job(job)["state"] == "cancelled"
    assert await worker.stop(claim) == "stale"
    assert await worker.beat(claim) == ["lost:released"]


async def test_a_silent_worker_is_lost_and_its_jobs_come_back_by_their_leases(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    await end_worker(store, worker.id)
    await reap(store)
    found = look()
    assert found.fields(f"worker:{worker.id}")["gone"] == "lost"
    assert found.scores("workers.gone").keys() == {worker.id}
    assert found.job(job)["state"] == "active"
    assert (await store.inspector.worker(worker.id)).state == "lost"


async def test_a_batch_bounds_the_work_of_a_call(store: Store, look: Look) -> None:
    jobs = [await submit(store, run_at=SOON) for _ in range(7)]
    for job in jobs:
        await fall_due(store, job)
    assert [await reap(store, batch=3) for _ in range(4)] == [3, 3, 1, 0]


async def test_i15_many_hubs_at_once_do_each_thing_once(store: Store, look: Look) -> None:
    worker = await register(store)
    jobs = [await submit(store) for _ in range(20)]
    await worker.turn(claims=20)
    for job in jobs:
        await end_lease(store, job)
    moved = await asyncio.gather(*(reap(store) for _ in range(5)))
    assert sum(moved) == 20
    found = look()
    assert {found.job(job)["losses"] for job in jobs} == {"1"}


async def test_the_stream_of_progress_is_kept_short(store: Store, look: Look, server: Server) -> None:
    pipeline = server.client.pipeline(transaction=False)
    for number in range(POLICY.progress_kept + 500):
        pipeline.xadd(store.link.key("progress"), {"e": number})
    pipeline.execute()
    await reap(store)
    assert POLICY.progress_kept <= len(look().log("progress")) < POLICY.progress_kept + 200
