"""beat_worker: T4, T4b, and what an outage does to leases."""

import pytest

from emp_core.domain.gpu_memory import Gpu, GpuMemory
from emp_core.domain.policy import POLICY
from emp_core.domain.worker import WorkerState
from emp_core.errors import Refused
from emp_core.store import Store
from tests.support.builders import LEASE_MS, WorkerDriver, register, submit
from tests.support.changed_library import changed_policy
from tests.support.snapshot import Look
from tests.support.time_travel import (
    allow_chores,
    end_attempt,
    end_lease,
    end_silence,
    end_worker,
    fall_due,
    reap,
    silence,
)


async def _nearly_over(store: Store, job_id: str) -> None:
    await end_lease(store, job_id, -1_000)


async def test_t4_a_beat_renews_every_lease_of_the_worker(store: Store, look: Look) -> None:
    worker = await register(store)
    jobs = [await submit(store) for _ in range(3)]
    claims = (await worker.turn(claims=3)).claimed
    for job in jobs:
        await _nearly_over(store, job)
    before = await store.inspector.now_ms()
    assert await worker.beat(*claims) == ["ok"] * 3
    after = await store.inspector.now_ms()
    found = look()
    for until in (*(found.scores("leases")[job] for job in jobs), found.scores("workers")[worker.id]):
        assert before <= until - LEASE_MS <= after
    assert found.fields(f"worker:{worker.id}")["services"] == "comfyui=up"


async def test_t4_a_lease_that_ran_out_but_was_not_reaped_is_renewed(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_lease(store, job)
    await allow_chores(store)
    assert await worker.beat(claim) == ["ok"]
    assert look().job(job)["state"] == "active"


async def test_t4_what_it_does_not_name_is_not_renewed(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    before = look().scores("leases")
    await worker.beat()
    assert look().scores("leases") == before
    assert job in before


async def test_t4_a_cancelling_job_is_told_so_and_its_grace_is_not_prolonged(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await store.broker.cancel(job)
    before = look().scores("leases")
    assert await worker.beat(claim) == ["cancel"]
    assert look().scores("leases") == before


async def test_t4b_a_job_that_nobody_took_is_taken_up_again(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, customer_id="acme", timeout_seconds=500)
    claim = await worker.take()
    ends = look().scores("timeouts")
    await end_lease(store, job)
    await reap(store)
    assert look().job(job)["losses"] == "1"
    assert await worker.beat(claim) == ["ok"]
    found = look()
    assert (found.job(job)["state"], found.job(job)["losses"]) == ("active", "0")
    assert found.scores("timeouts") == ends, "its attempt began when it began"
    assert found.event_names(job) == ["submitted", "claimed", "lost", "readopted"]
    assert await worker.complete(claim) == "ok"


async def test_t4b_not_when_another_has_it(store: Store) -> None:
    one, two = await register(store), await register(store, "gpu2:0")
    job = await submit(store)
    claim = await one.take()
    await end_lease(store, job)
    await reap(store)
    taken = await two.take()
    assert await one.beat(claim) == ["lost:superseded"]
    await two.release(taken)
    assert await one.beat(claim) == ["lost:superseded"]


@pytest.mark.parametrize(
    ("end", "word"), [(end_attempt, "lost:timeout"), (end_silence, "lost:stalled")], ids=["timeout", "stalled"]
)
async def test_t10_the_worker_is_told_why(store: Store, end: object, word: str) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await worker.report(claim, percent=1.0, stall_ms=60_000)
    await end(store, job)  # type: ignore[operator]
    await reap(store)
    assert await worker.beat(claim) == [word]


async def test_a_deleted_job_is_lost(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await store.broker.cancel(job)
    await worker.stop(claim)
    await store.upkeep.delete([job])
    assert await worker.beat(claim) == ["lost:deleted"]


@pytest.mark.parametrize("state", [WorkerState.PAUSED, WorkerState.DRAINING, WorkerState.FENCED])
async def test_a_worker_that_may_not_claim_still_keeps_what_it_runs(store: Store, state: WorkerState) -> None:
    worker = await register(store)
    await submit(store)
    claim = await worker.take()
    await store.registry.steer(worker.id, state)
    answer, words = await store.broker.beat(worker.life, "comfyui=up", [claim])
    assert (answer, list(words.values())) == (state.value, ["ok"])


async def test_a_lost_worker_must_register_and_then_takes_up_its_jobs(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_worker(store, worker.id)
    await end_lease(store, job)
    await reap(store)
    with pytest.raises(Refused):
        await worker.beat(claim)
    again = await register(store)
    assert await again.beat(claim) == ["ok"]
    assert look().job(job)["state"] == "active"


HOUR_MS = 3_600_000


async def test_a_beat_does_the_chores_where_there_is_no_hub(store: Store, look: Look) -> None:
    worker, dead = await register(store), await register(store, "dead")
    due = await submit(store, run_at=4_000_000_000_000)
    lost = await submit(store)
    await dead.take()
    await fall_due(store, due)
    await end_lease(store, lost)
    # A number that no pause of the machine comes near.
    with changed_policy(chore_every_ms=HOUR_MS):
        await worker.beat()
        assert look().job(lost)["state"] == "active", "chores were done a moment ago"
    await allow_chores(store)
    await worker.beat()
    assert (look().job(lost)["state"], look().job(due)["state"]) == ("pending", "pending")


async def test_a_beat_does_not_more_than_a_few_chores(store: Store, look: Look) -> None:
    worker, dead = await register(store), await register(store, "dead")
    jobs = [await submit(store) for _ in range(25)]
    await dead.turn(claims=25)
    for job in jobs:
        await end_lease(store, job)
    for left in (15, 5, 0):
        await allow_chores(store)
        await worker.beat()
        assert len(look().scores("leases")) == left


# §4: an outage, in which nobody could renew.

SHORT_MS = 30_000


async def _two_running(store: Store) -> tuple[WorkerDriver, str, str]:
    worker = await register(store, lease_ms=SHORT_MS)
    job, cancelled = await submit(store), await submit(store)
    await worker.turn(claims=2)
    await store.broker.cancel(cancelled)
    for name in (job, cancelled):
        await end_lease(store, name, 60_000)
    await end_worker(store, worker.id, 60_000)
    return worker, job, cancelled


@pytest.mark.parametrize("who", ["beat", "claim", "reap"])
async def test_s4_after_an_outage_nothing_is_lost(store: Store, look: Look, who: str) -> None:
    worker, job, cancelled = await _two_running(store)
    before = look().scores("leases")
    began = await store.inspector.now_ms()
    await silence(store, 90_000)
    if who == "beat":
        await worker.beat()
    elif who == "claim":
        await worker.turn()
    else:
        assert (await store.upkeep.reap(SHORT_MS))[0] == 0
    took = await store.inspector.now_ms() - began
    found = look()
    assert (found.job(job)["state"], found.job(cancelled)["state"]) == ("active", "cancelling")
    for name in (job, cancelled):
        assert 0 <= found.scores("leases")[name] - before[name] - 90_000 - SHORT_MS <= took
    assert found.fields(f"worker:{worker.id}")["alive"] == "1"


async def test_s4_an_outage_counts_once(store: Store, look: Look) -> None:
    await _two_running(store)
    await silence(store, 90_000)
    await store.upkeep.reap(SHORT_MS)
    before = look().scores("leases")
    await store.upkeep.reap(SHORT_MS)
    assert look().scores("leases") == before


@pytest.mark.parametrize(("lease_ms", "silent_ms", "grace"), [(300_000, 90_000, False), (300_000, 151_000, True)])
async def test_s4_a_normal_gap_is_no_outage(
    store: Store, look: Look, lease_ms: int, silent_ms: int, grace: bool
) -> None:
    _, job, _ = await _two_running(store)
    await end_lease(store, job)
    await silence(store, silent_ms)
    await store.upkeep.reap(lease_ms)
    assert (look().job(job)["state"] == "active") is grace


async def test_s4_with_short_leases_three_seconds_are_an_outage(store: Store, look: Look) -> None:
    assert POLICY.outage_ms == 3_000
    _, job, _ = await _two_running(store)
    with changed_policy(outage_ms=HOUR_MS):
        await silence(store, HOUR_MS // 2)
        await store.upkeep.reap(1_000)
    assert look().job(job)["state"] == "pending"


async def test_s4_two_thousand_leases_move_at_once(store: Store, look: Look) -> None:
    worker = await register(store, lease_ms=SHORT_MS)
    job = await submit(store)
    await worker.take()
    over = await store.inspector.now_ms() - 60_000
    many = [item for n in range(2_001) for item in (over, f"other-{n}")]
    await store.link.call("ZADD", store.link.key("leases"), *many)
    await end_lease(store, job, 60_000)
    await silence(store, 90_000)
    await worker.turn()
    assert look().job(job)["state"] == "active"
    assert min(look().scores("leases").values()) > over + 90_000
    await store.link.call("ZREM", store.link.key("leases"), *many[1::2])


async def test_memory_is_kept_until_another_is_told(store: Store) -> None:
    worker = await register(store)
    memory = GpuMemory(gpus=(Gpu(24_000_000_000, 3_000_000_000),), loaded={"comfyui": ("flux",)})
    for text in (memory.text(), ""):
        await store.broker.beat(worker.life, "comfyui=up", [], memory=text)
        assert (await store.inspector.worker(worker.id)).memory == memory
    await store.broker.beat(worker.life, "comfyui=up", [], memory=GpuMemory().text())
    assert (await store.inspector.worker(worker.id)).memory == GpuMemory()
