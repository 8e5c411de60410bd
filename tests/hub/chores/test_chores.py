"""The chores: one pass of each, and the loop that they share."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemons.hub.chores import Periodic, chores_of
from daemons.hub.chores.reaping import Reap
from daemons.hub.chores.retention import DAY_MS, Forget, Sweep, retention_of
from daemons.hub.chores.server_check import CheckServer
from daemons.hub.settings import HubSettings
from daemons.outage import Outage
from emp_core.artifacts.contract import in_chunks
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.clock import SystemClock
from emp_core.errors import QueueUnavailable
from emp_core.store import Retention, Store
from emp_core.store.upkeep import PATROLLED
from tests.support import time_travel
from tests.support.builders import LEASE_MS, register, submit
from tests.support.redis_server import Server
from tests.support.snapshot import Look
from tests.support.waiting import PATIENCE_SECONDS, wait_until


class LaterClock(SystemClock):
    """Days from now."""

    def __init__(self, days: float) -> None:
        self._ms = round(days * DAY_MS)

    def now_ms(self) -> int:
        return super().now_ms() + self._ms


def chore_of(name: str, store: Store, artifacts: ObjectArtifacts) -> Periodic:
    chores = chores_of(store, artifacts, HubSettings(), SystemClock())
    return next(chore for chore in chores if chore.name == name)


async def completed_job(store: Store) -> str:
    worker = await register(store)
    job_id = await submit(store)
    await worker.complete(await worker.take())
    return job_id


async def test_every_chore_does_nothing_on_an_empty_queue(store: Store, artifacts: ObjectArtifacts) -> None:
    for chore in chores_of(store, artifacts, HubSettings(), SystemClock()):
        await chore.run_once()
        assert await chore.run_once() == 0, chore.name


async def test_reap_ends_leases(store: Store, look: Look) -> None:
    worker = await register(store)
    job_id = await submit(store)
    await worker.take()
    await time_travel.end_lease(store, job_id)
    assert await Reap(store.upkeep, LEASE_MS).run_once() == 1
    assert look().event_names(job_id)[-1] == "lost"


async def test_reap_comes_when_a_delayed_job_falls_due(store: Store) -> None:
    reap = Reap(store.upkeep, LEASE_MS)
    assert 0.8 <= reap.pause(await reap.run_once()) <= 1.2
    job_id = await submit(store, run_at=await store.inspector.now_ms() + 60_000)
    due_at = await store.link.call("ZSCORE", store.link.key("delayed"), job_id)
    assert 0.8 <= reap.pause(await reap.run_once()) <= 1.2, "it is not due yet for long"
    reap.seconds = 3_600
    before = await store.inspector.now_ms()
    pause = reap.pause(await reap.run_once())
    after = await store.inspector.now_ms()
    assert before <= int(due_at) - round(pause * 1000) <= after
    assert reap.pause(100) == 0


async def test_a_delayed_job_starts_on_time(store: Store) -> None:
    job_id = await submit(store, run_at=await store.inspector.now_ms() + 150)
    running = asyncio.create_task(Reap(store.upkeep, LEASE_MS).run(Outage()))

    async def is_pending() -> bool:
        return (await store.inspector.job(job_id)).state == "pending"

    await wait_until(is_pending, "the job is due")
    running.cancel()


async def test_a_fleet_that_changes_is_reviewed(store: Store, artifacts: ObjectArtifacts) -> None:
    worker = await register(store)
    await submit(store)
    review = chore_of("review the fleet", store, artifacts)
    await review.run_once()
    await time_travel.end_worker(store, worker.id)
    await time_travel.reap(store)
    assert await review.run_once() == 1
    assert (await store.inspector.summary()).unworkable_jobs == 1
    assert await review.run_once() == 0


@pytest.mark.damages
async def test_patrol_repairs_a_damaged_job_that_no_claim_meets(
    store: Store, artifacts: ObjectArtifacts, look: Look
) -> None:
    job_id = await submit(store)
    await store.broker.hold(job_id)
    await store.link.call("DEL", store.link.key(f"job:{job_id}"))
    patrol = chore_of("patrol the lists", store, artifacts)
    assert sum([await patrol.run_once() for _ in PATROLLED]) == 1
    assert look().scores("held") == {}


async def test_jobs_are_forgotten_with_their_files(store: Store, artifacts: ObjectArtifacts, look: Look) -> None:
    job_id = await completed_job(store)
    await artifacts.put(job_id, 1, "a", in_chunks(b"data"))
    forget = Forget(store.upkeep, artifacts, retention_of(HubSettings()), SystemClock())
    assert await forget.run_once() == 0
    await time_travel.age(store, "jobs:completed", job_id, DAY_MS + 1000)
    assert await forget.run_once() == 1
    assert look().job(job_id) == {}
    assert await artifacts.list(job_id) == ()


async def test_settings_say_how_long_jobs_are_kept() -> None:
    settings = HubSettings(
        completed_job_ttl_hours=1, failed_job_ttl_days=2, max_finished_jobs=3, min_finished_job_minutes=4
    )
    assert retention_of(settings) == Retention(
        completed_ms=3_600_000, failed_ms=2 * DAY_MS, cancelled_ms=2 * DAY_MS, at_most=3, floor_ms=240_000
    )
    assert retention_of(HubSettings()) == Retention()


async def test_files_that_no_job_has_are_swept_when_they_are_old(store: Store, artifacts: ObjectArtifacts) -> None:
    job_id = await submit(store)
    for owner in (job_id, "nobody"):
        await artifacts.put_payload(owner, b"{}")
    for days, swept in ((7.9, 0), (8.1, 1)):
        sweep = Sweep(store.inspector, artifacts, Retention(), LaterClock(days))
        assert await sweep.run_once() == swept
    assert await artifacts.get_payload(job_id) == b"{}"


async def test_files_that_cannot_be_deleted_stop_nothing(store: Store, tmp_path: Path) -> None:
    from obstore.store import LocalStore

    artifacts = ObjectArtifacts(LocalStore(tmp_path / "gone", mkdir=True))
    (tmp_path / "gone").rmdir()
    (tmp_path / "gone").write_text("a file")
    job_id = await completed_job(store)
    await time_travel.age(store, "jobs:completed", job_id, DAY_MS + 1000)
    with capture_logs() as logs:
        assert await Forget(store.upkeep, artifacts, Retention(), SystemClock()).run_once() == 1
        assert await Sweep(store.inspector, artifacts, Retention(), SystemClock()).run_once() == 0
    assert {entry["event"] for entry in logs} <= {"artifacts.unavailable"}


async def test_a_redis_that_changes_is_noticed(store: Store, server: Server) -> None:
    check = CheckServer(store)
    try:
        server.client.config_set("appendonly", "yes")
        with capture_logs() as logs:
            assert [await check.run_once(), await check.run_once()] == [1, 0]
        assert store.server.durability == "everysec"
        server.client.config_set("maxmemory-policy", "allkeys-lru")
        server.client.config_set("maxmemory", "1gb")
        with capture_logs() as more:
            assert await check.run_once() == 0
    finally:
        for name, value in (("appendonly", "no"), ("maxmemory", "0"), ("maxmemory-policy", "noeviction")):
            server.client.config_set(name, value)
    assert [entry["event"] for entry in [*logs, *more]] == ["queue.changed", "queue.misconfigured"]


class Act:
    """A chore's work, told what to do in each pass."""

    def __init__(self, *passes: int | Exception) -> None:
        self._passes = list(passes)
        self.over = asyncio.Event()

    async def __call__(self) -> int:
        if not self._passes:
            self.over.set()
            return 0
        answer = self._passes.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def run_over(act: Act) -> list[str]:
    """The events that are logged until all passes are done."""
    with capture_logs() as logs:
        running = asyncio.create_task(Periodic("chore", 0.001, act).run(Outage()))
        await asyncio.wait_for(act.over.wait(), PATIENCE_SECONDS)
        running.cancel()
        await asyncio.wait([running])
    return [entry["event"] for entry in logs]


async def test_a_bug_stops_nothing_and_is_logged() -> None:
    assert await run_over(Act(ZeroDivisionError(), 0)) == ["chore.failed"]


async def test_an_outage_is_two_lines_however_long_it_lasts() -> None:
    away = QueueUnavailable("redis_unavailable", "gone")
    assert await run_over(Act(0, away, away, away, 3)) == ["queue.unavailable", "queue.back", "chore.done"]


def test_a_full_batch_is_followed_at_once() -> None:
    chore = Periodic("chore", 10, Act(), batch=5)
    assert chore.pause(5) == 0
    pauses = [chore.pause(4) for _ in range(200)]
    assert 8 <= min(pauses) < 9 < 11 < max(pauses) <= 12


@pytest.mark.parametrize(("name", "seconds"), [("reap", 1.0), ("review the fleet", 0.5)])
async def test_what_the_contract_bounds(store: Store, artifacts: ObjectArtifacts, name: str, seconds: float) -> None:
    assert chore_of(name, store, artifacts).seconds <= seconds
