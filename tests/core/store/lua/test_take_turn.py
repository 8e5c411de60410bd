"""take_turn: T3, T6 to T8 and T13: one worker's turn, with the fence."""

import asyncio

import pytest

from emp_core.domain.outcome import Failure, Result
from emp_core.domain.policy import POLICY
from emp_core.domain.worker import WorkerState
from emp_core.errors import Refused
from emp_core.ids import new_nonce
from emp_core.store import Claimed, Settlement, Store, completed, failed, released
from tests.support.builders import LEASE_MS, WorkerDriver, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import allow_chores, end_attempt, end_lease, expire, fall_due, reap

# T3: claim.


async def test_t3_a_claim_is_a_lease_with_a_fence(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, customer_id="acme", timeout_seconds=100)
    before = await store.inspector.now_ms()
    claim = await worker.take()
    after = await store.inspector.now_ms()
    found = look()
    assert (claim.job_id, claim.attempt, claim.customer_id, claim.repeated) == (job, 1, "acme", False)
    assert found.job(job)["nonce"] == claim.nonce
    assert found.job(job)["worker"] == worker.id
    assert found.fields(f"jobs:active:{worker.id}") == {claim.nonce: job}
    assert before <= found.scores("leases")[job] - LEASE_MS <= after
    assert before <= found.scores("timeouts")[job] - 100_000 <= after
    assert claim.time_left_ms == 100_000
    assert found.scores("expiry") == {}
    assert found.fields("customers.active") == {"acme": "1"}
    assert found.event_names(job) == ["submitted", "claimed"]


async def test_t3_the_attempt_timeout_has_a_default(store: Store) -> None:
    worker = await register(store)
    await submit(store)
    assert (await worker.take()).time_left_ms == POLICY.attempt_timeout_ms


async def test_t3_all_free_slots_are_filled_in_one_call(store: Store) -> None:
    worker = await register(store)
    jobs = [await submit(store) for _ in range(5)]
    turn = await worker.turn(claims=3)
    assert [claim.job_id for claim in turn.claimed] == jobs[:3]


async def test_t3_the_same_nonce_again_is_the_same_job(store: Store, look: Look) -> None:
    worker = await register(store)
    await submit(store)
    await submit(store)
    nonces = [new_nonce()]
    first = (await worker.turn(nonces=nonces)).claimed[0]
    second = (await worker.turn(nonces=nonces)).claimed[0]
    assert (second.job_id, second.attempt, second.repeated) == (first.job_id, 1, True)
    assert look().fields("counts") == {"pending": "1"}


async def test_t3_a_turn_repeated_as_a_whole_changes_nothing(store: Store, look: Look) -> None:
    worker = await register(store)
    await submit(store)
    await submit(store)
    claim = await worker.take()
    nonces = [new_nonce()]
    settlement = completed(claim, Result(data={"n": 1}))
    first = await worker.turn(settlement, nonces=nonces)
    before = look().job(claim.job_id)
    second = await worker.turn(settlement, nonces=nonces)
    assert (first.answers, second.answers) == (("ok",), ("already",))
    assert first.claimed[0].job_id == second.claimed[0].job_id
    assert look().job(claim.job_id) == before


async def test_t3_a_claim_whose_answer_was_lost_is_told_again_after_a_pause(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    nonces = [new_nonce()]
    await worker.turn(nonces=nonces)
    await store.registry.steer(worker.id, WorkerState.PAUSED)
    await submit(store)
    turn = await worker.turn(nonces=[*nonces, new_nonce()])
    assert (turn.state, [claim.job_id for claim in turn.claimed]) == ("paused", [job])


@pytest.mark.parametrize("state", [WorkerState.PAUSED, WorkerState.DRAINING, WorkerState.FENCED])
async def test_t3_only_a_ready_worker_claims(store: Store, look: Look, state: WorkerState) -> None:
    worker = await register(store)
    await submit(store)
    await store.registry.steer(worker.id, state)
    turn = await worker.turn(claims=1)
    assert (turn.state, turn.claimed) == (state, ())
    assert look().fields("idle.where") == {}


async def test_t3_who_is_not_registered_must_register(store: Store) -> None:
    worker = await register(store)
    await submit(store)
    await register(store, boot="boot-2", dead_boot="boot-1")
    with pytest.raises(Refused, match="does not know"):
        await worker.claim()


async def test_t3_a_profile_that_is_not_open_must_register(store: Store) -> None:
    worker = await register(store)
    await submit(store)
    await store.link.call("HDEL", store.link.key("profiles"), worker.life.profile)
    with pytest.raises(Refused):
        await worker.claim()
    await register(store)


async def test_i11_the_attempt_rises_with_every_claim(store: Store) -> None:
    worker = await register(store)
    await submit(store)
    attempts = []
    for _ in range(4):
        claim = await worker.take()
        attempts.append(claim.attempt)
        await worker.release(claim)
    assert attempts == [1, 2, 3, 4]


async def test_t3_t11_a_job_past_its_deadline_is_not_started(store: Store, look: Look) -> None:
    worker = await register(store)
    late = await submit(store, deadline=await store.inspector.now_ms() + 100_000)
    on_time = await submit(store)
    await store.link.call("HSET", store.link.key(f"job:{late}"), "deadline", 1)
    assert (await worker.take()).job_id == on_time
    assert (look().job(late)["state"], look().job(late)["code"]) == ("failed", "expired")


async def test_a_claim_gives_up_a_call_where_very_many_deadlines_passed(store: Store, look: Look) -> None:
    worker = await register(store)
    late = [await submit(store, deadline=await store.inspector.now_ms() + 100_000) for _ in range(120)]
    on_time = await submit(store, priority=1)
    for job in late:
        await store.link.call("HSET", store.link.key(f"job:{job}"), "deadline", 1)
    assert (await worker.take()).job_id == on_time
    assert len(look().scores("jobs:failed")) == 120


# T6: complete.


async def test_t6_a_result_is_stored_once(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    assert await worker.complete(claim, images=3) == "ok"
    found = look()
    assert found.string(f"job.result:{job}") == b'{"data":{"images":3},"artifacts":[]}'
    assert found.scores("jobs:completed").keys() == {job}
    assert found.fields("jobs:active:gpu1:0") == {}
    assert found.event_names(job) == ["submitted", "claimed", "completed"]


async def test_r7_of_two_results_one_counts(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    answers = await asyncio.gather(worker.complete(claim, by="one"), worker.complete(claim, by="other"))
    assert sorted(answers) == ["already", "ok"]
    winner = b"one" if answers[0] == "ok" else b"other"
    assert winner in look().string(f"job.result:{job}")


async def test_t6_after_a_lost_lease_the_last_claimant_may_still_complete(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_lease(store, job)
    await reap(store)
    assert look().job(job)["state"] == "pending"
    assert await worker.complete(claim, late=True) == "ok"
    assert look().job(job)["state"] == "completed"


@pytest.mark.parametrize("verb", ["fail", "release"])
async def test_t7_t8_after_a_lost_lease_only_a_result_is_taken(store: Store, look: Look, verb: str) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_lease(store, job)
    await reap(store)
    before = look().job(job)
    settlement = failed(claim, Failure(message="x")) if verb == "fail" else released(claim, "drain")
    assert await worker.settle(settlement) == "stale"
    assert look().job(job) == before


# I4: the fence.


async def _stale_claim(store: Store, one: WorkerDriver, two: WorkerDriver) -> tuple[Claimed, Claimed]:
    """A claim that was lost and the one that took its place."""
    job = await submit(store)
    old = await one.take()
    await end_lease(store, job)
    await reap(store)
    return old, await two.take()


async def test_i4_r3_nothing_that_an_old_claimant_sends_becomes_visible(store: Store, look: Look) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    old, new = await _stale_claim(store, one, two)
    before = look()
    assert await one.complete(old, by="old") == "stale"
    assert await one.fail(old) == "stale"
    assert await one.release(old) == "stale"
    assert await one.stop(old) == "stale"
    assert await one.report(old, percent=99.0, lines=("old",)) == "stale"
    assert await one.beat(old) == ["lost:superseded"]
    assert look().job(old.job_id) == before.job(old.job_id)
    assert look().scores("leases") == before.scores("leases")
    assert await two.complete(new, by="new") == "ok"
    assert look().string(f"job.result:{old.job_id}") == b'{"data":{"by":"new"},"artifacts":[]}'


async def test_i4_r5_the_same_worker_id_is_no_fence(store: Store) -> None:
    worker = await register(store)
    old, new = await _stale_claim(store, worker, worker)
    assert await worker.complete(old) == "stale"
    assert await worker.complete(new) == "ok"


@pytest.mark.damages
async def test_i4_r21_the_attempt_is_no_fence(store: Store, look: Look) -> None:
    """Redis forgot the claim in a failover, and another worker got the same number."""
    one, two = await register(store), await register(store, "gpu2:0")
    job = await submit(store)
    old = await one.take()
    await store.broker.unclaim(one.id, old)
    await store.link.call("HSET", store.link.key(f"job:{job}"), "claim", "0 - - -")
    new = await two.take()
    assert (old.attempt, new.attempt) == (1, 1)
    assert await one.complete(old) == "stale"
    forged = Claimed(**{name: getattr(new, name) for name in Claimed.__slots__} | {"nonce": old.nonce})
    assert await two.complete(forged) == "stale"
    assert await two.complete(new) == "ok"


async def test_i4_a_claim_that_a_limit_ended_is_stale_not_already(store: Store, look: Look) -> None:
    """`already` means that it was applied; this result never was."""
    worker = await register(store)
    job = await submit(store, max_failures=1)
    claim = await worker.take()
    await end_attempt(store, job)
    await reap(store)
    assert look().job(job)["code"] == "timeout"
    assert await worker.complete(claim) == "stale"


async def test_a_settlement_of_nothing_is_stale(store: Store) -> None:
    worker = await register(store)
    await submit(store)
    claim = await worker.take()
    nobody = Settlement(completed(claim, Result()).verb, "nobody", 1, new_nonce())
    assert await worker.settle(nobody) == "stale"


# T7: fail.


async def test_t7_a_failure_backs_off_in_its_old_place(store: Store, look: Look) -> None:
    worker = await register(store)
    job, behind = await submit(store), await submit(store)
    place = look().job(job)["score"]
    claim = await worker.take()
    before = await store.inspector.now_ms()
    assert await worker.fail(claim) == "ok"
    after = await store.inspector.now_ms()
    found = look()
    assert (found.job(job)["state"], found.job(job)["failures"]) == ("delayed", "1")
    assert before <= found.scores("delayed")[job] - POLICY.backoff_base_ms <= after
    assert found.job(job)["avoid"] == worker.id
    assert (await worker.take()).job_id == behind
    await fall_due(store, job)
    await reap(store)
    assert look().job(job)["score"] == place
    assert await worker.drain() == [job]


async def test_t7_r11_pauses_double_up_to_the_cap(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, max_failures=10)
    for seconds in (5, 10, 20, 40, 80, 160, 300, 300):
        claim = await worker.take()
        before = await store.inspector.now_ms()
        await worker.fail(claim)
        after = await store.inspector.now_ms()
        assert before <= look().scores("delayed")[job] - seconds * 1_000 <= after
        await fall_due(store, job)
        await reap(store)


async def test_t7_the_last_run_fails_the_job(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, max_failures=2)
    await worker.fail(await worker.take())
    await fall_due(store, job)
    await reap(store)
    await worker.fail(await worker.take())
    assert (look().job(job)["state"], look().job(job)["code"]) == ("failed", "error")
    assert b"it broke" in look().string(f"job.result:{job}")
    assert [attempt.outcome for attempt in await store.inspector.attempts(job)] == ["error", "error"]


async def test_t7_a_permanent_failure_is_the_last(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    assert await worker.fail(await worker.take(), retryable=False) == "ok"
    assert look().job(job)["code"] == "permanent"


async def test_t7_repeated_is_already(store: Store) -> None:
    worker = await register(store)
    await submit(store)
    claim = await worker.take()
    assert [await worker.fail(claim), await worker.fail(claim)] == ["ok", "already"]


# T8: release.


async def test_t8_a_released_job_waits_for_somebody_else_at_no_cost(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    assert await worker.release(await worker.take(), "the worker is draining") == "ok"
    found = look().job(job)
    assert (found["state"], found["releases"], found["avoid"]) == ("pending", "1", worker.id)
    assert found.get("failures", "0") == "0"
    assert (await store.inspector.attempts(job))[0].detail == "the worker is draining"
    assert [event.name for event in await store.events.of_job(job)] == ["submitted", "claimed", "released"]


async def test_t8_the_21st_release_rejects(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    for _ in range(POLICY.max_releases):
        await worker.release(await worker.take())
    assert look().job(job)["state"] == "pending"
    await worker.release(await worker.take())
    assert look().job(job)["code"] == "rejected"


async def test_t8_at_most_once_ends_as_lost(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, on_lost="fail")
    await worker.release(await worker.take())
    assert look().job(job)["code"] == "lost"


# T13: the end of a cancel.


async def test_t13_the_acknowledgement(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await store.broker.cancel(job)
    assert [await worker.stop(claim), await worker.stop(claim)] == ["ok", "already"]
    assert look().job(job)["state"] == "cancelled"


@pytest.mark.parametrize("verb", ["complete", "fail", "release"])
async def test_i9_t13_whatever_the_worker_says_cancel_means_cancel(store: Store, look: Look, verb: str) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await store.broker.cancel(job)
    settlement = {
        "complete": completed(claim, Result(data={"late": True})),
        "fail": failed(claim, Failure(message="x")),
        "release": released(claim, "drain"),
    }[verb]
    assert await worker.settle(settlement) == "cancel"
    assert look().job(job)["state"] == "cancelled"
    assert look().job(job).get("code") == ("late_result" if verb == "complete" else None)
    assert f"job.result:{job}" not in look().entries


async def test_a_claim_does_the_chores_where_there_is_no_hub(store: Store, look: Look) -> None:
    dead, alive = await register(store), await register(store, "gpu2:0")
    lost = await submit(store, priority=60)
    await dead.take()
    due, late = await submit(store, run_at=4_000_000_000_000, priority=55), await submit(store)
    await end_lease(store, lost)
    await fall_due(store, due)
    await expire(store, late)
    await allow_chores(store)
    assert (await alive.take()).job_id == lost
    assert (await alive.take()).job_id == due
    assert look().job(late)["code"] == "expired"
