"""What the queue promises of order, retries, payloads and its own keys, with many jobs in it."""

import random
import time
from typing import Any

import pytest

from emp_core.domain.outcome import Blame
from emp_core.domain.policy import POLICY, backoff_ms
from emp_core.domain.states import JobState
from emp_core.store import Retention, Store
from tests.faults.fleet import Fleet
from tests.faults.history import BEGINNING, History
from tests.faults.journal import Journal
from tests.faults.queue_server import QueueServer
from tests.faults.scenario import started
from tests.support.builders import make_request, register, submit
from tests.support.figures import Figure
from tests.support.time_travel import end_lease, fall_due, reap

JOBS = 2_000
FAR_JOBS = 10_000
BATCH = 2_000


async def test_r01_without_a_fault_every_job_runs_once_and_in_order(
    store: Store, fleet: Fleet, history: History, journal: Journal, figure: Figure
) -> None:
    requests = [
        make_request(service="witness", payload={}, priority=random.choice((0, 50, 100)), id=f"job-{number}")
        for number in range(JOBS)
    ]
    await store.broker.submit_many(requests)
    history.acknowledged = [str(request.id) for request in requests]
    history.attempted = set(history.acknowledged)
    await fleet.start("a", "b", "c", "d", slots=10)
    await history.drained()
    verdict = await history.verdict()
    assert verdict.clean
    assert (verdict.duplicates, verdict.states) == (0, {"completed": JOBS})
    assert len(journal.entries("effect")) == JOBS
    assert await claims_out_of_order(store) == []
    figure("effects / commits / jobs", f"{len(journal.entries('effect'))} / {verdict.states['completed']} / {JOBS}")


async def claims_out_of_order(store: Store) -> list[str]:
    """Claimed though a better job of the same class was waiting, by the stream of events."""
    waiting: dict[str, int] = {}
    wrong: list[str] = []
    scores: dict[str, int] = {}
    cursor = BEGINNING
    while events := (await store.events.after(cursor)).events:
        cursor = events[-1].cursor
        fresh = [event.job for event in events if event.name == "submitted"]
        scores |= {job.id: job.score for job in await store.inspector.jobs_by_id(fresh)}
        for event in events:
            if event.name == "submitted":
                waiting[event.job] = scores[event.job]
            elif event.name == "claimed":
                mine = waiting.pop(event.job)
                wrong += [event.job] if waiting and max(waiting.values()) > mine else []
    return wrong


async def test_r11_a_job_that_failed_waits_as_long_as_it_should(store: Store, figure: Figure) -> None:
    worker = await register(store)
    ratios: list[float] = []
    for _ in range(20):
        job = await submit(store, max_failures=10)
        for failures in range(1, 10):
            claim = await worker.take()
            before = await store.inspector.now_ms()
            await worker.fail(claim)
            after = await store.inspector.now_ms()
            found = await store.inspector.job(job)
            assert found.state is JobState.DELAYED
            assert found.due_at is not None
            shortest, longest = found.due_at - after, found.due_at - before
            assert shortest <= 1.5 * POLICY.backoff_cap_ms
            assert shortest <= 1.5 * backoff_ms(failures, 1.0)
            assert longest >= 0.5 * backoff_ms(failures, 1.0)
            ratios.append(longest / backoff_ms(failures, 1.0))
            await fall_due(store, job)
            await reap(store)
        await worker.fail(await worker.take())
        assert (await store.inspector.job(job)).state is JobState.FAILED
    figure("backoff, times the formula", f"{min(ratios):.2f} to {max(ratios):.2f}")


async def test_r40_a_job_that_is_run_anew_keeps_its_history(store: Store) -> None:
    worker = await register(store)
    failed = await submit(store, max_failures=1)
    await worker.fail(await worker.take())
    cancelled = await submit(store)
    await store.broker.cancel(cancelled)
    poison = await submit(store)
    for _ in range(POLICY.max_losses):
        await worker.take()
        await end_lease(store, poison)
        await reap(store)
    assert (await store.inspector.job(poison)).code == "poison"
    for job, attempts in ((failed, 1), (cancelled, 0), (poison, POLICY.max_losses)):
        before = await store.inspector.attempts(job)
        await store.broker.retry(job)
        claim = await worker.take()
        found = await store.inspector.job(job)
        assert (claim.job_id, claim.attempt, claim.gen) == (job, attempts + 1, 1)
        assert (found.gen, found.failures, found.losses, found.releases) == (1, 0, 0, 0)
        assert await store.inspector.attempts(job) == before
        assert await worker.complete(claim) == "ok"
        versions = [event.version for event in await store.events.of_job(job)]
        assert versions == list(range(1, len(versions) + 1))


async def test_r43_a_job_behind_very_many_is_found_in_one_call(store: Store, figure: Figure) -> None:
    others = [make_request(service=f"other-{number % 200}") for number in range(BATCH)]
    for _ in range(FAR_JOBS // BATCH):
        await store.broker.submit_many(others)
    worker = await register(store)
    took: list[float] = []
    for _ in range(50):
        job = await submit(store, priority=0)
        begun = time.monotonic()
        claim = await worker.take()
        took.append(time.monotonic() - begun)
        assert claim.job_id == job
        await worker.complete(claim)
    figure(f"ms to claim the one that fits of {FAR_JOBS:,}, p50 / max", _quantiles(took))


async def test_r44_a_head_of_unmatched_jobs_starves_nobody(store: Store) -> None:
    others = [make_request(service=f"other-{number}", priority=100) for number in range(1_000)]
    await store.broker.submit_many(others)
    jobs = [await submit(store, priority=0) for _ in range(20)]
    worker = await register(store)
    assert await worker.drain() == jobs


def _quantiles(seconds: list[float]) -> str:
    ordered = sorted(1_000 * value for value in seconds)
    return f"{ordered[len(ordered) // 2]:.2f} / {ordered[-1]:.2f}"


PAYLOADS: list[dict[str, Any]] = [
    {"seed": 18446744073709551615, "low": -9223372036854775808, "long": 123456789012345, "beyond": 2**80},
    {"empty": [], "nothing": {}, "null": None, "nested": [[], [{}], {"a": []}]},
    {"text": 'Grüße, 世界 🎨 \u0000 \u001b[31m \u2028 \\ " / \u202e', "ключ": "\x7f"},
    {"small": 1e-300, "float": 0.1 + 0.2, "minus": -0.0, "one": 1.0},
]


async def test_r45_a_payload_reaches_the_worker_as_it_was(fleet: Fleet, history: History, journal: Journal) -> None:
    await fleet.start("a")
    for payload in PAYLOADS:
        job = await history.submit(payload={"note": payload})
        start = await started(journal, job)
        assert repr(start.payload["note"]) == repr(payload)
    await history.drained()


async def test_r46_ended_jobs_leave_nothing_behind(store: Store, server: QueueServer, figure: Figure) -> None:
    server.client.config_set("slowlog-log-slower-than", 10_000)
    server.client.slowlog_reset()
    worker = await register(store, lease_ms=300_000)
    requests = [make_request(customer_id=f"c{number % 7}", workflow_id=f"w{number % 50}") for number in range(3_000)]
    await store.broker.submit_many(requests[:1_500])
    for _ in range(30):
        turn = await worker.turn(claims=50)
        for claim in turn.claimed:
            await worker.complete(claim, picture="x" * 100)
    await store.broker.submit_many(requests[1_500:])
    page = await store.search.page(limit=1_000)
    for job in page.jobs[:500]:
        if job.state is JobState.PENDING:
            await store.broker.cancel(job.id)
    while turn_claimed := (await worker.turn(claims=20)).claimed:
        for claim in turn_claimed:
            await worker.fail(claim, retryable=False, blame=Blame.JOB)
    while await store.upkeep.retain(Retention(completed_ms=0, failed_ms=0, cancelled_ms=0)):
        pass
    assert sum((await store.inspector.summary()).jobs.values()) == 0
    await store.upkeep.drop_classes(empty_ms=0)
    names = [key.decode() for key in server.client.keys("*")]
    left = [
        name for name in names if any(part in name for part in ("job:", "job.", "jobs:", "class", "workflow", "ids:"))
    ]
    assert [name for name in left if "job.gone" not in name and not name.endswith("classes.serial")] == []
    figure("calls that held Redis for over 10 ms", server.client.slowlog_len())


@pytest.mark.parametrize("state", ["completed", "failed"])
async def test_r46_at_most_so_many_are_kept(store: Store, state: str) -> None:
    worker = await register(store)
    for _ in range(30):
        await submit(store)
        claim = await worker.take()
        await (worker.complete(claim) if state == "completed" else worker.fail(claim, retryable=False))
    while await store.upkeep.retain(Retention(at_most=10, floor_ms=0), batch=7):
        pass
    assert (await store.inspector.summary()).jobs[state] == 10
