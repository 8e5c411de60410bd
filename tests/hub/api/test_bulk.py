"""Orders to many jobs, by a filter or by ids: what is done, what is refused and why, and how a caller goes on."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from daemons.hub.api.bulk import MAX_ORDERED
from daemons.hub.settings import HubSettings
from emp_core.client.orders import ORDERED_AT_ONCE
from emp_core.client.redis_queue import RedisQueue
from emp_core.errors import EmpError, QueueUnavailable
from emp_core.store import Store
from tests.hub.conftest import Call, body_of
from tests.support.builders import register, submit

ALL = ("done-1", "bad-1", "runs-1", "wait-1", "wait-2", "other-1")


@pytest.fixture
async def jobs(store: Store) -> None:
    """Two that wait, one that runs, one that is done and one that failed, all of acme; and one of another customer."""
    worker = await register(store)
    for name in ("done", "bad", "runs"):
        await submit(store, id=f"{name}-1", customer_id="acme", priority=90)
    await worker.complete(await worker.take())
    await worker.fail(await worker.take(), retryable=False)
    await worker.take()
    await submit(store, id="wait-1", customer_id="acme")
    await submit(store, id="wait-2", customer_id="acme", labels={"batch": "42"})
    await submit(store, id="other-1", customer_id="zoo")


async def states(store: Store) -> dict[str, str]:
    return {job.id: job.shown_state for job in await store.inspector.jobs_by_id(ALL)}


ACME = {"where": "customer:acme"}


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("verb", "body", "changed", "message"),
    [
        (
            "cancel",
            ACME,
            {"runs-1": "cancelling", "wait-1": "cancelled", "wait-2": "cancelled"},
            "3 jobs are cancelled",
        ),
        ("cancel", {"where": "label.batch:42"}, {"wait-2": "cancelled"}, "1 job is cancelled"),
        ("retry", ACME, {"bad-1": "pending"}, "1 job is retried"),
        ("requeue", ACME, {"runs-1": "pending"}, "1 job is requeued"),
        ("hold", ACME, {"wait-1": "held", "wait-2": "held"}, "2 jobs are held"),
        ("unhold", ACME, {}, "no job is no longer held"),
        ("priority", {**ACME, "priority": 7}, {}, "2 jobs are at priority 7"),
        ("delete", ACME, {"done-1": None, "bad-1": None}, "2 jobs are deleted"),
        ("cancel", {"ids": ["wait-1", "wait-1", "runs-1"]}, {"wait-1": "cancelled", "runs-1": "cancelling"}, None),
    ],
)
async def test_order_reaches_the_jobs_that_match_and_that_it_can_change(
    hub: httpx.AsyncClient,
    store: Store,
    verb: str,
    body: Mapping[str, Any],
    changed: Mapping[str, str | None],
    message: str | None,
) -> None:
    before = await states(store)
    counted = body_of(await hub.post(f"/api/jobs/{verb}", json={**body, "dry_run": True}))
    assert (counted["dry_run"], counted["done"], await states(store)) == (True, 0, before)
    answer = await hub.post(f"/jobs/{verb}", json={**body, "reason": "wrong model"})
    told = body_of(answer)
    assert (answer.status_code, told["success"], told["refused"], told["more"]) == (200, True, [], False)
    assert (told["jobs"], told["states"]) == (counted["jobs"], counted["states"])
    assert told["done"] == len(told["jobs"]) == sum(told["states"].values())
    assert message is None or told["message"] == message
    after = {**before, **changed}
    assert await states(store) == {name: state for name, state in after.items() if state is not None}
    reasons = {order["reason"] for order in body_of(await hub.get("/api/audit"))["orders"]}
    assert reasons == ({"wrong model"} if told["done"] else set())


@pytest.mark.usefixtures("jobs")
async def test_dry_run_says_what_would_be_done_by_state(hub: httpx.AsyncClient) -> None:
    told = body_of(await hub.post("/api/jobs/cancel", json={**ACME, "dry_run": True}))
    assert told["states"] == {"active": 1, "pending": 2}
    assert told["message"] == "would cancel 3 jobs: 1 active, 2 pending; nothing was done"


@pytest.mark.usefixtures("jobs")
async def test_jobs_whose_state_forbids_the_order_are_refused_one_by_one(hub: httpx.AsyncClient) -> None:
    told = body_of(await hub.post("/api/jobs/hold", json={"ids": ["done-1", "wait-1", "nobody", "runs-1"]}))
    assert (told["success"], told["done"]) == (False, 1)
    refused = {each["id"]: (each["status"], each["code"]) for each in told["refused"]}
    assert refused == {"nobody": (404, "not_found"), "done-1": (409, "conflict"), "runs-1": (409, "conflict")}
    assert "completed" in next(each["detail"] for each in told["refused"] if each["id"] == "done-1")
    assert told["states"] == {"completed": 1, "pending": 1, "active": 1}


@pytest.mark.usefixtures("jobs")
async def test_cancel_of_a_job_that_had_ended_is_noted(hub: httpx.AsyncClient) -> None:
    told = body_of(await hub.post("/api/jobs/cancel", json={"ids": ["done-1"]}))
    assert (told["success"], told["notes"]) == (True, ["job done-1 was already completed"])


@pytest.mark.parametrize("verb", ["cancel", "priority"])
async def test_cursor_leads_through_all_jobs_that_match_and_meets_none_twice(
    hub: httpx.AsyncClient, store: Store, verb: str
) -> None:
    ids = {await submit(store, id=f"job-{number}", priority=80) for number in range(7)}
    body: dict[str, Any] = {"where": "status:pending", "limit": 3, "reason": "x"}
    if verb == "priority":
        body["priority"] = 10  # behind the cursor of a walk in the order of claims
    met: list[str] = []
    calls = 0
    while True:
        told = body_of(await hub.post(f"/api/jobs/{verb}", json=body))
        met += told["jobs"]
        calls += 1
        if not told["more"]:
            break
        body["cursor"] = told["cursor"]
    assert (sorted(met), calls) == (sorted(ids), 3)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "where"),
        ({"dry_run": True}, "where"),
        ({"where": ""}, "where"),
        ({"where": "  "}, "where"),
        ({"where": None}, "where"),
        ({"where": "status:actve"}, "where"),
        ({"where": 5}, "where"),
        ({"where": "id:*", "ids": ["a"]}, "where"),
        ({"ids": "a"}, "ids"),
        ({"ids": ["a b"]}, "ids[0]"),
        ({"ids": ["a"], "cursor": "x"}, "cursor"),
        ({"ids": ["a"], "limit": 1}, "limit"),
        ({"where": "customer:acme", "limit": 0}, "limit"),
        ({"where": "customer:acme", "limit": MAX_ORDERED + 1}, "limit"),
        ({"where": "customer:acme", "cursor": "x"}, "cursor"),
        ({"where": "customer:acme", "dry_run": "yes"}, "dry_run"),
        ({"where": "customer:acme", "priority": 1}, "priority"),
        ({"were": "customer:acme"}, "were"),
    ],
)
@pytest.mark.usefixtures("jobs")
async def test_order_that_does_not_say_clearly_which_jobs_changes_none(
    hub: httpx.AsyncClient, store: Store, body: Mapping[str, Any], field: str
) -> None:
    before = await states(store)
    answer = await hub.post("/api/jobs/cancel", json=body)
    assert (answer.status_code, body_of(answer)["field"]) == (422, field)
    assert await states(store) == before


@pytest.mark.parametrize("body", [b"", b"[]", b'"customer:acme"'])
async def test_body_that_is_no_object_is_refused(hub: httpx.AsyncClient, body: bytes) -> None:
    assert (await hub.post("/api/jobs/delete", content=body)).status_code == 422


async def test_ids_over_the_limit_are_413(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/api/jobs/cancel", json={"ids": [f"job-{number}" for number in range(MAX_ORDERED + 1)]})
    assert (answer.status_code, body_of(answer)["limit"]) == (413, "max_ordered_jobs")


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("verb", ["requeue", "delete"])
async def test_order_of_operators_is_403_for_the_bearer_of_the_token(calling: Call, store: Store, verb: str) -> None:
    token = "secret-token-of-16"
    client = calling(HubSettings(ws_auth_token=SecretStr(token)), headers={"Authorization": f"Bearer {token}"})
    before = await states(store)
    answer = await client.post(f"/api/jobs/{verb}", json=ACME)
    assert (answer.status_code, body_of(answer)["code"]) == (403, "forbidden")
    assert await states(store) == before


async def test_queue_that_goes_away_leaves_a_503_that_says_how_much_is_done(
    hub: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(ORDERED_AT_ONCE + 10):
        await submit(store, id=f"job-{number:03}")
    give, calls = RedisQueue.set_priority, 0

    async def fail(self: RedisQueue, ids: Sequence[str], *more: Any, **named: Any) -> dict[str, EmpError | None]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise QueueUnavailable("redis_unavailable", "Redis does not answer")
        return await give(self, ids, *more, **named)

    monkeypatch.setattr(RedisQueue, "set_priority", fail)
    body = {"where": "status:pending", "priority": 9}
    answer = await hub.post("/api/jobs/priority", json=body)
    assert (answer.status_code, body_of(answer)["done"]) == (503, ORDERED_AT_ONCE)
    assert "repeat the call" in body_of(answer)["hint"]
    assert body_of(await hub.post("/api/jobs/priority", json=body))["done"] == 10
