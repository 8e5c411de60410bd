"""emp.v1: what a client sends, and what it is answered."""

from typing import Any

import pytest

from emp_core.store import Preview, Store
from tests.hub.ws.conftest import Open, Socket
from tests.support.builders import register, submit
from tests.support.waiting import wait_until


async def followed(socket: Socket, kind: str, job_id: str) -> dict[str, Any]:
    """The next message of a type about a job."""
    while True:
        message = await socket.next(kind)
        if message["job_id"] == job_id:
            return message


async def test_a_client_is_welcomed_and_may_ping(opened: Open, store: Store) -> None:
    await submit(store)
    socket = await opened("/ws/client/me")
    assert (socket.welcome["protocol"], socket.welcome["role"]) == ("emp.v1", "operator")
    assert socket.connection.subprotocol == "emp.v1"
    assert await socket.ask("ping") == {"type": "pong", "ref": "asked"}


async def test_a_client_submits_asks_and_cancels(opened: Open, store: Store) -> None:
    socket = await opened()
    answer = await socket.ask("submit", job={"id": "order-1", "service": "comfyui", "payload": {"prompt": {}}})
    assert (answer["type"], answer["job_id"], answer["status"]) == ("submitted", "order-1", "pending")
    assert (await store.inspector.job("order-1")).service == "comfyui"
    told = await socket.ask("get", job_id="order-1")
    assert (told["type"], told["job"]["status"]) == ("job", "pending")
    told = await socket.ask("cancel", job_id="order-1", reason="no need")
    assert told["job"]["status"] == "cancelled"
    (order,) = await store.events.orders(1)
    assert (order.verb, order.reason) == ("cancel", "no need")


async def test_a_job_is_followed_from_its_snapshot_to_its_result(opened: Open, store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    socket = await opened()
    snapshot = await socket.follow("job", job_id=job, log=True)
    assert (snapshot["job"]["status"], snapshot["log"], snapshot["resync"]) == ("pending", [], False)
    claim = await worker.take()
    told = await socket.next("job")
    assert ([event["name"] for event in told["events"]], told["job"]["status"]) == (["claimed"], "active")
    await worker.report(claim, percent=42.5, message="step 3 ☃", lines=("one", "two"))
    progress = await socket.next("progress")
    assert (progress["job_id"], progress["percent"], progress["message"]) == (job, 42.5, "step 3 ☃")
    assert (await socket.next("log"))["lines"] == ["one", "two"]
    await worker.report(claim, lines=("three",))
    await worker.complete(claim, seed=7)
    assert (await socket.next("log", "job")) == {"type": "log", "job_id": job, "lines": ["three"]}
    told = await socket.next("job")
    assert (told["job"]["status"], told["result"]["data"]) == ("completed", {"seed": 7})


async def test_of_a_failed_job_the_failure_is_told(opened: Open, store: Store) -> None:
    worker = await register(store)
    job = await submit(store, max_failures=1)
    socket = await opened()
    await socket.follow("job", job_id=job)
    await worker.fail(await worker.take(), code="out_of_memory")
    while (told := await socket.next("job"))["job"]["status"] != "failed":
        pass
    assert told["failure"]["code"] == "out_of_memory"
    assert "result" not in told


async def test_previews_are_asked_for_and_told(opened: Open, store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    claim = await worker.take()
    socket = await opened()
    await socket.follow("job", job_id=job, preview=True)

    async def asked_for() -> bool:
        return await worker.report(claim, percent=1.0) == "watched"

    await wait_until(asked_for, "the worker is asked for previews")
    await store.previews.keep(worker.id, claim, Preview("image/png", b"picture"))
    told = await socket.next("preview")
    assert (told["job_id"], told["media_type"], told["image"]) == (job, "image/png", "cGljdHVyZQ==")


async def test_jobs_of_a_filter_come_and_leave(opened: Open, store: Store) -> None:
    worker = await register(store)
    other = await submit(store, customer_id="other")
    ours = await submit(store, customer_id="acme")
    socket = await opened()
    snapshot = await socket.follow("jobs", where="customer:acme status:pending")
    assert ([job["id"] for job in snapshot["jobs"]], snapshot["total"], snapshot["more"]) == ([ours], None, False)
    later = await submit(store, customer_id="acme")
    told = await socket.next("job")
    assert (told["job_id"], told["events"][0]["name"]) == (later, "submitted")
    assert (await worker.take()).job_id == other
    assert (await worker.take()).job_id == ours
    told = await socket.next("job")
    assert (told["job_id"], told["left"], told["job"]["status"]) == (ours, True, "active")


async def test_progress_of_jobs_of_a_filter_is_told(opened: Open, store: Store) -> None:
    worker = await register(store)
    job = await submit(store, customer_id="acme")
    other = await submit(store, customer_id="other")
    claims = (await worker.turn(claims=2)).claimed
    socket = await opened()
    await socket.follow("jobs", where="customer:acme")
    for claim in reversed(claims):
        await worker.report(claim, percent=10.0)
    assert other != job
    assert (await socket.next("progress"))["job_id"] == job


async def test_every_event_is_told_in_order(opened: Open, store: Store) -> None:
    socket = await opened("/ws/monitor/wall")
    await socket.follow("events")
    worker = await register(store)
    job = await submit(store)
    await worker.complete(await worker.take())
    names = [(await socket.next("event"))["name"] for _ in range(4)]
    assert names == ["worker_ready", "submitted", "claimed", "completed"]
    assert job


async def test_stats_and_workers_are_told_when_they_change(opened: Open, store: Store) -> None:
    socket = await opened()
    snapshot = await socket.follow("stats")
    assert snapshot["stats"]["jobs"]["pending"] == 0
    await submit(store)
    while (await socket.next("stats"))["stats"]["jobs"]["pending"] != 1:
        pass
    snapshot = await socket.follow("workers")
    assert snapshot["workers"] == []
    worker = await register(store)
    while not (told := await socket.next("workers"))["workers"]:
        pass
    assert (told["workers"][0]["id"], told["gone"]) == (worker.id, [])


async def test_a_subscription_ends_when_it_is_told_to(opened: Open, store: Store) -> None:
    socket = await opened()
    number = (await socket.follow("events"))["subscription"]
    answer = await socket.ask("unsubscribe", subscription=number)
    assert (answer["type"], answer["subscription"]) == ("unsubscribed", number)
    await submit(store)
    await socket.send("ping")
    assert (await socket.next())["type"] == "pong"
    assert (await socket.ask("unsubscribe", subscription=number))["code"] == "not_found"


async def test_one_who_comes_back_gets_what_he_missed(opened: Open, store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    socket = await opened()
    cursor = (await socket.follow("job", job_id=job))["cursor"]
    await socket.connection.close()
    await worker.complete(await worker.take(), seed=7)
    again = await opened()
    answer = await again.follow("job", job_id=job, after=cursor)
    assert answer["resumed"]
    told = await again.next("job")
    assert [event["name"] for event in told["events"]] == ["claimed", "completed"]
    assert told["result"]["data"] == {"seed": 7}
    await again.follow("events", after=cursor)
    assert [(await again.next("event"))["name"] for _ in range(2)] == ["claimed", "completed"]
    await again.follow("jobs", where=f"id:{job}", after=cursor)
    assert (await again.next("job"))["job"]["status"] == "completed"


async def test_one_whose_cursor_is_not_known_reads_again(opened: Open, store: Store) -> None:
    """The cursor is from the future: a failover lost what followed."""
    cursor = "99999999999999-0"
    job = await submit(store)
    socket = await opened()
    snapshot = await socket.follow("job", job_id=job, after=cursor)
    assert (snapshot["resync"], snapshot["job"]["status"]) == (True, "pending")
    answer = await socket.follow("events", after=cursor)
    resync = await socket.next("resync")
    assert (answer["resumed"], resync["subscription"]) == (False, answer["subscription"])


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", "message"),
        ("[]", "message"),
        ("{}", "type"),
        ('{"type":"subscibe"}', "type"),
        ('{"type":"subscribe"}', "topic"),
        ('{"type":"subscribe","topic":"job"}', "job_id"),
        ('{"type":"subscribe","topic":"jobs","where":"statuss:x"}', "where"),
        ('{"type":"subscribe","topic":"jobs","limit":501}', "limit"),
        ('{"type":"subscribe","topic":"events","after":"yesterday"}', "after"),
        ('{"type":"get","job_id":"a","why":1}', "why"),
        ('{"type":"submit","job":{"service":"comfyui","payload":{},"prioritty":1}}', "prioritty"),
        ('{"type":"submit","job":{"service":"comfyui","payload":{},"priority":101}}', "priority"),
        ('{"type":"ping","ref":5}', "ref"),
    ],
)
async def test_a_bad_message_is_answered_and_closes_nothing(opened: Open, text: str, field: str) -> None:
    socket = await opened()
    await socket.connection.send(text)
    error = await socket.next("error")
    assert (error["code"], error["field"]) == ("invalid", field)
    assert (await socket.ask("ping"))["type"] == "pong"


async def test_what_is_not_there_is_said(opened: Open) -> None:
    socket = await opened()
    for asked in (("get", {}), ("cancel", {}), ("subscribe", {"topic": "job"})):
        error = await socket.ask(asked[0], job_id="nobody", **asked[1])
        assert (error["code"], error["error"]) == ("not_found", "no job nobody")


async def test_a_job_that_is_deleted_is_told_as_gone(opened: Open, store: Store) -> None:
    job = await submit(store)
    await store.broker.cancel(job)
    socket = await opened()
    await socket.follow("job", job_id=job)
    await store.upkeep.delete([job])
    told = await followed(socket, "job", job)
    assert (told["job"], told["events"][-1]["name"]) == (None, "deleted")
