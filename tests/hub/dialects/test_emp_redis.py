"""Conversations of a client and a monitor of Python emp-redis, as its programs have them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from emp_core.store import Store
from tests.hub.conftest import Serving
from tests.support.builders import register, submit


class Old:
    """An old program: it asks for no subprotocol, and sends the time with every message."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, kind: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, "timestamp": 1716200000.5, **fields}))

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next message, or the next of these types."""
        async with asyncio.timeout(20):
            while True:
                message = json.loads(await self.connection.recv())
                assert isinstance(message["timestamp"], float)
                assert message["timestamp"] < 1e11, "seconds"
                if not kinds or message["type"] in kinds:
                    assert isinstance(message, dict)
                    return message


Connect = Callable[[str], Awaitable[Old]]


@pytest.fixture
async def old(serving: Serving) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as closing:

        async def open_socket(path: str) -> Old:
            connecting = connect(serving.url + path, proxy=None)
            return Old(await closing.enter_async_context(connecting))

        yield open_socket


async def test_a_client_submits_a_job_and_is_told_of_it_to_its_end(old: Connect, store: Store) -> None:
    worker = await register(store, services=("simulation",))
    client = await old("/ws/client/client-1")
    greeting = await client.next()
    assert (greeting["type"], greeting["message"]) == (
        "connection_established",
        "Welcome Client client-1! Connected to Redis Hub",
    )
    await client.send("submit_job", message_id="job-7", job_type="simulation", priority=5, payload={"steps": 2})
    accepted = await client.next()
    assert (accepted["type"], accepted["job_id"], accepted["status"]) == ("job_accepted", "job-7", "pending")
    assert (accepted["position"], accepted["notified_workers"]) == (1, 1)
    claim = await worker.take()
    await worker.report(claim, percent=50.0, message="half")
    progress = await client.next("update_job_progress")
    assert (progress["job_id"], progress["progress"], progress["message"]) == ("job-7", 50, "half")
    await worker.complete(claim, images=["a.png"])
    done = await client.next("complete_job")
    assert (done["job_id"], done["worker_id"], done["result"]) == ("job-7", worker.id, {"images": ["a.png"]})


async def test_of_a_job_that_fails_it_is_told_the_error(old: Connect, store: Store) -> None:
    worker = await register(store, services=("simulation",))
    client = await old("/ws/client/client-1")
    await client.send("submit_job", job_type="simulation", payload={}, max_retries=1)
    job = (await client.next("job_accepted"))["job_id"]
    await worker.fail(await worker.take(), retryable=False)
    failed = await client.next("fail_job")
    assert (failed["job_id"], failed["error"]) == (job, "it broke")


async def test_a_client_asks_for_a_status_and_cancels(old: Connect, store: Store) -> None:
    job = await submit(store)
    client = await old("/ws/client/client-1")
    await client.send("request_job_status", job_id=job)
    assert (await client.next("response_job_status"))["status"] == "pending"
    await client.send("subscribe_job", job_id=job)
    assert (await client.next("subscription_confirmed"))["job_id"] == job
    await client.send("cancel_job", job_id=job, reason="Manually cancelled")
    while (await client.next("response_job_status"))["status"] != "cancelled":
        pass
    await client.send("force_retry_job", job_id=job)
    while (await client.next("response_job_status"))["status"] != "pending":
        pass


async def test_a_client_keeps_its_socket_alive_and_asks_for_stats(old: Connect, store: Store) -> None:
    await submit(store)
    client = await old("/ws")
    await client.send("stay_alive")
    answer = await client.next("response_job_status")
    assert (answer["job_id"], answer["status"]) == ("keep-alive", "acknowledged")
    for asked in ("request_stats", "subscribe_stats"):
        await client.send(asked)
        stats = (await client.next("response_stats"))["stats"]
        assert (stats["queues"]["total"], stats["jobs"]["status"]["pending"]) == (1, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ('{"type":"fetch_job"}', "Unsupported message type: 'fetch_job'"),
        ('{"type":"cancel_job"}', "job_id"),
        ('{"type":"cancel_job","job_id":"nobody"}', "no job nobody"),
        ('{"type":"submit_job","job_type":"simulation","payload":[]}', "payload"),
    ],
)
async def test_a_bad_message_is_answered_and_closes_nothing(old: Connect, text: str, said: str) -> None:
    client = await old("/ws/client/client-1")
    await client.connection.send(text)
    assert said in (await client.next("error"))["error"]
    await client.send("stay_alive")
    await client.next("response_job_status")


async def test_a_monitor_is_told_of_every_job_and_worker(old: Connect, store: Store) -> None:
    await old("/ws/client/client-1")
    monitor = await old("/ws/monitor/wall")
    assert (await monitor.next())["message"] == "Welcome Monitor wall! Connected to Redis Hub"
    stats = await monitor.next("stats_broadcast")
    assert stats["connections"] == {"clients": ["client-1"], "monitors": ["wall"], "workers": []}
    assert (stats["system"]["jobs"]["total"], stats["workers"]) == (0, {})
    worker = await register(store)
    status = await monitor.next("worker_status")
    assert (status["worker_id"], status["status"]) == (worker.id, "idle")
    job = await submit(store)
    assert (await monitor.next("response_job_status"))["status"] == "pending"
    claim = await worker.take()
    await worker.report(claim, percent=50.0)
    assert (await monitor.next("update_job_progress"))["progress"] == 50
    await worker.complete(claim)
    assert (await monitor.next("complete_job"))["job_id"] == job
    while (stats := await monitor.next("stats_broadcast"))["system"]["jobs"]["status"].get("completed") != 1:
        pass
    assert stats["workers"][worker.id]["is_accepting_jobs"]


async def test_a_monitor_chooses_what_it_is_told(old: Connect, store: Store) -> None:
    worker = await register(store)
    monitor = await old("/ws/monitor/wall")
    await monitor.send("subscribe", channels=["complete_job"])
    assert (await monitor.next("subscription_confirmed"))["channels"] == ["complete_job"]
    await submit(store)
    await worker.complete(await worker.take())
    assert (await monitor.next())["type"] == "complete_job"
    await monitor.send("stay_alive")
    await monitor.next("stay_alive_response")
    await monitor.send("request_stats")
    await monitor.next("response_stats")
