"""What the log says while the queue refuses the chores."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from structlog.testing import capture_logs

from daemons.hub.chores import Periodic, chores_of
from daemons.hub.settings import HubSettings
from daemons.outage import Outage
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.clock import SystemClock
from emp_core.errors import AccessDenied, EmpError, QueueUnavailable
from emp_core.store import Store
from tests.support.redis_server import Server
from tests.support.waiting import PATIENCE_SECONDS

DENIED = AccessDenied("Redis refuses these credentials: invalid username-password pair")
UNAVAILABLE = QueueUnavailable("redis_unavailable", "gone")
FULL = QueueUnavailable("storage_full", "Redis is full")

Line = Mapping[str, Any]
Ends = Sequence[EmpError | int]


async def lines_of(chores: Mapping[str, Ends]) -> list[Line]:
    """What is logged of passes that end so: one of each chore in turn."""
    outage = Outage()
    with capture_logs() as logs:
        for turn in range(max(map(len, chores.values()))):
            for name, ends in chores.items():
                await one_pass(name, ends[turn], outage)
    return [{name: line.get(name) for name in ("event", "code") if name in line} for line in logs]


async def one_pass(name: str, end: EmpError | int, outage: Outage) -> None:
    """A chore's loop is ended once it has begun its second pass."""
    passes = 0
    over = asyncio.Event()

    async def act() -> int:
        nonlocal passes
        passes += 1
        if passes == 2:
            over.set()
            await asyncio.Event().wait()
        if isinstance(end, EmpError):
            raise end
        return end

    running = asyncio.create_task(Periodic(name, 0.001, act).run(outage))
    await asyncio.wait_for(over.wait(), PATIENCE_SECONDS)
    running.cancel()
    await asyncio.wait([running])


async def test_a_password_that_changed_is_an_outage() -> None:
    ends: Ends = [DENIED, DENIED, DENIED, 0]
    assert await lines_of({"reap": ends, "trim": ends}) == [
        {"event": "queue.unavailable", "code": "access_denied"},
        {"event": "queue.back"},
    ]


async def test_what_only_some_chores_meet_is_one_outage_too() -> None:
    assert await lines_of({"reap": [FULL] * 4 + [0], "look": [0] * 5}) == [
        {"event": "queue.unavailable", "code": "storage_full"},
        {"event": "queue.back"},
    ]


async def test_each_outage_is_told() -> None:
    ends: Ends = [UNAVAILABLE, 0, UNAVAILABLE, 0]
    assert [line["event"] for line in await lines_of({"reap": ends, "trim": ends})] == [
        "queue.unavailable",
        "queue.back",
    ] * 2


async def test_every_chore_that_redis_lets_in_no_more_says_so(
    store: Store, artifacts: ObjectArtifacts, server: Server
) -> None:
    def may(rules: str) -> None:
        server.client.execute_command("ACL", "SETUSER", "default", *rules.split())

    may("-@all +acl +auth +hello +ping +select")
    outage = Outage()
    try:
        with capture_logs() as logs:
            for chore in chores_of(store, artifacts, HubSettings(), SystemClock()):
                await chore._pass(outage)
    finally:
        may("+@all")
    assert [(line["event"], line.get("code")) for line in logs] == [("queue.unavailable", "access_denied")]
