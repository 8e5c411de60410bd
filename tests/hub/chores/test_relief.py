"""Retention when Redis is crowded: what may go, when it stops, and what it says."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from pydantic import SecretStr
from structlog.testing import capture_logs
from structlog.typing import EventDict

from daemons.hub.chores.retention import FIRST_PAUSE_SECONDS, Forget
from daemons.hub.settings import HubSettings
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.clock import SystemClock
from emp_core.domain.policy import FORGOTTEN_A_CALL
from emp_core.errors import EmpError
from emp_core.store import Retention, Store
from tests.hub.conftest import Call, body_of
from tests.support import time_travel
from tests.support.builders import make_request
from tests.support.redis_server import Server
from tests.support.snapshot import Look

HOUR_MS = 3_600_000
KB = 1024


class SteppedClock(SystemClock):
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@contextmanager
def full_to(server: Server, share: float) -> Iterator[None]:
    """Redis has used so much of its maxmemory."""
    used = int(server.client.info("memory")["used_memory"])
    server.client.config_set("maxmemory", round(used / share))
    try:
        yield
    finally:
        server.client.config_set("maxmemory", 0)


async def cancelled_jobs(store: Store, count: int, *, minutes_ago: int, size: int = 10) -> list[str]:
    answers = await store.broker.submit_many([make_request(payload={"x": "y" * size}) for _ in range(count)])
    jobs = [answer.id for answer in answers if not isinstance(answer, EmpError)]
    for job in jobs:
        await store.broker.cancel(job)
        await time_travel.age(store, "jobs:cancelled", job, minutes_ago * 60_000)
    return jobs


def told(logs: list[EventDict]) -> list[str]:
    return [str(entry.get("what", entry["event"])) for entry in logs if entry["event"].startswith("queue.")]


async def test_crowded_redis_keeps_jobs_younger_than_the_floor_and_says_so_once(
    store: Store, artifacts: ObjectArtifacts, server: Server
) -> None:
    await cancelled_jobs(store, 3, minutes_ago=14)
    await store.broker.submit(make_request())
    forget = Forget(store.upkeep, artifacts, Retention(), SteppedClock())
    with full_to(server, 0.9), capture_logs() as logs:
        assert [await forget.run_once() for _ in range(3)] == [0, 0, 0]
    assert told(logs) == ["nothing to remove"]
    why = str(logs[0]["why"])
    assert ": 1 jobs wait, 3 finished in the last 15 minutes (MIN_FINISHED_JOB_MINUTES) and are kept, 0 " in why


async def test_crowded_redis_removes_old_jobs_until_it_is_not_crowded(
    store: Store, artifacts: ObjectArtifacts, server: Server, look: Look
) -> None:
    await cancelled_jobs(store, 250, minutes_ago=60, size=50 * KB)
    young = await cancelled_jobs(store, 5, minutes_ago=1)
    forget = Forget(store.upkeep, artifacts, Retention(), SteppedClock())
    with full_to(server, 0.95), capture_logs() as logs:
        done = [await forget.run_once() for _ in range(5)]
    assert done[0] == FORGOTTEN_A_CALL
    assert 0 in done
    assert 5 < len(list(look().ids("job:{job}"))) < 255
    assert set(young) <= set(look().ids("job:{job}"))
    assert told(logs)[0] == "removing finished jobs"


async def test_pass_that_frees_too_little_is_followed_by_a_pause_that_grows(
    store: Store, artifacts: ObjectArtifacts, server: Server
) -> None:
    """Waiting jobs fill Redis: to remove what has ended frees next to nothing."""
    await store.broker.submit_many([make_request(payload={"x": "y" * 200 * KB}) for _ in range(100)])
    await cancelled_jobs(store, 3 * FORGOTTEN_A_CALL, minutes_ago=60)
    clock = SteppedClock()
    forget = Forget(store.upkeep, artifacts, Retention(), clock)
    with full_to(server, 0.99), capture_logs() as logs:
        assert [await forget.run_once() for _ in range(3)] == [FORGOTTEN_A_CALL, 0, 0]
        clock.seconds += FIRST_PAUSE_SECONDS
        assert [await forget.run_once() for _ in range(2)] == [FORGOTTEN_A_CALL, 0]
        clock.seconds += FIRST_PAUSE_SECONDS
        assert await forget.run_once() == 0
        clock.seconds += FIRST_PAUSE_SECONDS
        assert await forget.run_once() == FORGOTTEN_A_CALL
    assert told(logs) == ["removing finished jobs frees too little"]


async def test_redis_with_room_again_is_said_once(store: Store, artifacts: ObjectArtifacts, server: Server) -> None:
    await store.broker.submit(make_request())
    forget = Forget(store.upkeep, artifacts, Retention(), SteppedClock())
    with capture_logs() as logs:
        for share in (0.9, 0.78, 0.9, 0.5, 0.5):
            with full_to(server, share):
                await forget.run_once()
    assert told(logs) == ["nothing to remove", "queue.roomy"]


async def test_health_says_what_fills_redis(
    store: Store, hub: httpx.AsyncClient, calling: Call, server: Server
) -> None:
    await store.broker.submit(make_request())
    assert body_of(await hub.get("/health"))["warnings"] == []
    token = "correct horse battery staple"
    guarded = calling(HubSettings(ws_auth_token=SecretStr(token)))
    with full_to(server, 0.9):
        (warning,) = body_of(await hub.get("/health"))["warnings"]
        (same,) = body_of(await guarded.get("/health", headers={"Authorization": f"Bearer {token}"}))["warnings"]
        assert body_of(await guarded.get("/health"))["warnings"] == ["Redis is almost full"]
    assert "1 jobs wait" in warning
    assert "MIN_FINISHED_JOB_MINUTES" in same


async def test_health_of_a_full_redis_says_what_fills_it(store: Store, hub: httpx.AsyncClient, server: Server) -> None:
    await store.broker.submit(make_request())
    with full_to(server, 1.1):
        answer = await hub.get("/health")
    assert (answer.status_code, body_of(answer)["code"]) == (503, "storage_full")
    assert "1 jobs wait" in body_of(answer)["warnings"][0]
