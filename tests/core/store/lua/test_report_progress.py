"""report_progress: T5."""

from emp_core.domain.policy import MAX_LINE, MAX_MESSAGE, POLICY
from emp_core.store import Report, Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_lease, reap


async def test_t5_the_latest_progress_is_kept_and_the_version_stays(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    before = look().job(job)["ver"]
    assert await worker.report(claim, percent=10.0, message="loading") == "ok"
    assert await worker.report(claim, percent=42.5, message="step 3 ☃") == "ok"
    found = look()
    assert (found.job(job)["progress"], found.job(job)["ver"]) == ("42.5", before)
    assert found.job(job)["message"] == "step 3 ☃"
    assert [entry["r"] for entry in found.log("progress")] == [f"{job} 1 10  loading", f"{job} 1 42.5  step 3 ☃"]
    shown = await store.inspector.job(job)
    assert (shown.progress, shown.message) == (42.5, "step 3 ☃")


async def test_t5_a_report_without_a_stall_limit_sets_none(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    before = look().scores("timeouts")
    report = Report(job_id=job, attempt=claim.attempt, nonce=claim.nonce, percent=10.0)
    assert await store.broker.report(worker.id, [report]) == ["ok"]
    assert "stalls" not in look().job(job)
    assert look().scores("timeouts") == before


async def test_t5_a_long_message_is_cut_between_two_characters(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    assert await worker.report(await worker.take(), percent=10.0, message="x" * (MAX_MESSAGE - 1) + "☃") == "ok"
    assert (await store.inspector.job(job)).message == "x" * (MAX_MESSAGE - 1)


async def test_t5_log_lines_are_kept_up_to_a_thousand(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    lines = tuple(f"line {n}" for n in range(POLICY.log_lines))
    await worker.report(claim, lines=lines)
    await worker.report(claim, lines=("one more", "two\nin one", "x" * (MAX_LINE + 10)))
    log = await store.inspector.log(job)
    assert len(log) == POLICY.log_lines
    assert log[0] == "line 3"
    assert log[-3:] == ["one more", "two in one", "x" * MAX_LINE]


async def test_t5_lines_alone_leave_the_progress_as_it_is(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await worker.report(claim, percent=10.0, message="loading")
    await worker.report(claim, lines=("a",))
    assert look().job(job)["progress"] == "10"
    assert [entry["r"] for entry in look().log("progress")] == [f"{job} 1 10  loading", f"{job} 1 log  "]


async def test_t5_reports_of_several_jobs_are_answered_in_order(store: Store) -> None:
    worker = await register(store)
    for _ in range(2):
        await submit(store)
    claims = (await worker.turn(claims=2)).claimed
    await worker.complete(claims[0])
    reports = [Report(job_id=claim.job_id, attempt=1, nonce=claim.nonce, percent=5.0) for claim in claims]
    assert await store.broker.report(worker.id, reports) == ["stale", "ok"]


async def test_t5_a_last_claimant_must_beat_first(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await end_lease(store, job)
    await reap(store)
    assert await worker.report(claim, percent=50.0) == "stale"
    assert "progress" not in look().job(job)
    await worker.beat(claim)
    assert await worker.report(claim, percent=50.0) == "ok"


async def test_t5_while_cancelling_the_worker_is_told(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    await store.broker.cancel(job)
    assert await worker.report(claim, percent=50.0) == "cancel"
    assert "progress" not in look().job(job)


async def test_t5_a_stall_limit_is_watched_from_the_first_report_on(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    before = await store.inspector.now_ms()
    await worker.report(claim, percent=1.0, stall_ms=60_000)
    after = await store.inspector.now_ms()
    assert before <= look().scores("timeouts")[job] - 60_000 <= after


async def test_t5_a_stall_limit_longer_than_the_attempt_changes_nothing(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, timeout_seconds=10)
    claim = await worker.take()
    before = look().scores("timeouts")
    await worker.report(claim, percent=1.0, stall_ms=60_000)
    assert look().scores("timeouts") == before
    assert job in before


async def test_a_report_of_nothing_is_stale(store: Store, look: Look) -> None:
    worker = await register(store)
    assert await store.broker.report(worker.id, [Report(job_id="nobody", attempt=1, nonce="x", percent=1.0)]) == [
        "stale"
    ]
