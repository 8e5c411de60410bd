"""Reading jobs, and telling them what to do."""

import httpx
import pytest

from emp_core.store import Store
from tests.hub.conftest import body_of
from tests.support.builders import register, submit


async def test_a_job_is_found_by_the_beginning_of_its_id(hub: httpx.AsyncClient, store: Store) -> None:
    for job_id in ("abcd1", "abcd2", "efgh1"):
        await submit(store, id=job_id)
    assert body_of(await hub.get("/api/jobs/efgh"))["id"] == "efgh1"
    several = await hub.get("/api/jobs/abcd")
    assert (several.status_code, body_of(several)["candidates"]) == (409, ["abcd1", "abcd2"])


ORDERS = ("cancel", "retry", "hold", "unhold", "requeue", "priority")
BODIES = {"priority": {"priority": 1}}


@pytest.mark.parametrize("job_id", ["order-1", "orde"])
async def test_an_order_never_goes_to_a_job_whose_id_only_begins_so(
    hub: httpx.AsyncClient, store: Store, job_id: str
) -> None:
    worker = await register(store)
    await submit(store, id="order-12")
    await worker.take()
    version = (await store.inspector.job("order-12")).version
    answers = [await hub.post(f"/api/jobs/{job_id}/{order}", json=BODIES.get(order)) for order in ORDERS]
    answers.append(await hub.delete(f"/api/jobs/{job_id}"))
    for answer in answers:
        assert (answer.status_code, body_of(answer)["name"]) == (404, job_id)
    assert (await store.inspector.job("order-12")).version == version


@pytest.mark.parametrize("part", ["result", "log", "events", "attempts", "explain", "artifacts", "payload"])
async def test_what_is_told_of_a_job_is_never_of_another_one(hub: httpx.AsyncClient, store: Store, part: str) -> None:
    await submit(store, id="order-12")
    assert (await hub.get(f"/api/jobs/order-12/{part}")).status_code == (404 if part == "payload" else 200)
    answer = await hub.get(f"/api/jobs/order-1/{part}")
    assert (answer.status_code, body_of(answer)["name"]) == (404, "order-1")


async def test_a_job_is_told_flat_and_once_more_inside(hub: httpx.AsyncClient, store: Store) -> None:
    job_id = await submit(store, workflow_id="flow", customer_id="acme")
    job = body_of(await hub.get(f"/jobs/{job_id}"))
    assert job["job"] == {name: job[name] for name in job["job"]}
    assert (job["id"], job["job_id"], job["status"], job["ahead_in_class"]) == (job_id, job_id, "pending", 0)
    assert (job["workflow_id"], job["customer_id"]) == ("flow", "acme")


async def test_a_job_through_its_life(hub: httpx.AsyncClient, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(store)
    claim = await worker.take()
    await worker.report(claim, percent=40, message="sampling", lines=("one", "two"))
    running = body_of(await hub.get(f"/api/jobs/{job_id}"))
    assert (running["status"], running["worker_id"]) == ("active", "gpu1:0")
    assert (running["progress"], running["message"]) == (40, "sampling")
    assert running["lease_until"] is not None
    assert body_of(await hub.get(f"/api/jobs/{job_id}/result"))["result"] is None
    assert body_of(await hub.get(f"/api/jobs/{job_id}/log?start=1"))["lines"] == ["two"]
    await worker.complete(claim, seed=7)
    ended = body_of(await hub.get(f"/api/jobs/{job_id}"))
    assert (ended["status"], ended["error"]) == ("completed", None)
    result = body_of(await hub.get(f"/api/jobs/{job_id}/result"))
    assert result["result"] == ended["result"] == {"data": {"seed": 7}, "artifacts": []}
    assert result["ended_at"] == ended["ended_at"] is not None
    events = body_of(await hub.get(f"/api/jobs/{job_id}/events"))["events"]
    assert [event["name"] for event in events] == ["submitted", "claimed", "completed"]


async def test_a_failed_job_says_why(hub: httpx.AsyncClient, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(store)
    await worker.fail(await worker.take(), retryable=False)
    job = body_of(await hub.get(f"/api/jobs/{job_id}"))
    assert (job["status"], job["code"], job["error"]) == ("failed", "permanent", "it broke")
    assert job["failure"]["blame"] == "job"
    attempts = body_of(await hub.get(f"/api/jobs/{job_id}/attempts"))["attempts"]
    assert [(attempt["number"], attempt["outcome"]) for attempt in attempts] == [(1, "permanent")]


async def test_a_job_that_expired_has_its_code_for_an_error(hub: httpx.AsyncClient, store: Store) -> None:
    parent = await submit(store)
    child = await submit(store, depends_on=[parent])
    await hub.post(f"/api/jobs/{parent}/cancel")
    assert body_of(await hub.get(f"/api/jobs/{child}"))["error"] == "dependency"


@pytest.mark.damages
async def test_a_damaged_job_is_shown_as_such(hub: httpx.AsyncClient, store: Store) -> None:
    job_id = await submit(store)
    await store.link.call("HDEL", store.link.key(f"job:{job_id}"), "state", "spec", "ver")
    job = body_of(await hub.get(f"/api/jobs/{job_id}"))
    assert (job["state"], job["status"]) == (None, "corrupt")


async def test_why_a_job_waits(hub: httpx.AsyncClient, store: Store) -> None:
    await register(store)
    job_id = await submit(store, requirements={"gpu_memory_gb": 80})
    told = body_of(await hub.get(f"/api/jobs/{job_id}/explain"))
    assert told["tier"] == "never"
    assert [near["worker"] for near in told["nearest"]] == ["gpu1:0"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", ["run", "urgent", "plain", "other", "done"]),
        ("status=pending", ["urgent", "plain", "other"]),
        ("status=active", ["run"]),
        ("state=completed,pending", ["urgent", "plain", "other", "done"]),
        ("service=a1111", ["other"]),
        ("customer=acme", ["plain"]),
        ("customer_id=acme", ["plain"]),
        ("worker=gpu1:0", ["run", "done"]),
        ("workflow=flow", ["urgent"]),
        ("unworkable=true", ["other"]),
        ("limit=2", ["run", "urgent"]),
        ("limit=2&offset=3", ["other", "done"]),
        ("status=failed", []),
        ("status=held", ["later"]),
        ("status=held,active", ["run", "later"]),
        ("where=customer:a*+status:pending", ["plain"]),
        ("status=pending&where=priority>60", ["urgent"]),
    ],
)
async def test_lists_show_what_was_asked_for(
    hub: httpx.AsyncClient, store: Store, query: str, wanted: list[str]
) -> None:
    worker = await register(store)
    await submit(store, id="done")
    await worker.complete(await worker.take())
    await submit(store, id="run")
    await worker.take()
    await submit(store, id="plain", customer_id="acme")
    await submit(store, id="other", service="a1111")
    await submit(store, id="urgent", priority=90, workflow_id="flow")
    if "held" in query:
        await store.broker.hold(await submit(store, id="later"))
    for path in ("/api/jobs", "/jobs"):
        page = body_of(await hub.get(f"{path}?{query}"))
        assert [job["id"] for job in page["jobs"]] == wanted
        assert page["more"] is (query == "limit=2")


async def test_pages_follow_each_other(hub: httpx.AsyncClient, store: Store) -> None:
    jobs = [await submit(store, id=f"j{number}") for number in range(5)]
    first = body_of(await hub.get("/api/jobs?limit=3"))
    assert (first["total"], first["of"], first["complete"]) == (5, None, True)
    rest = body_of(await hub.get("/api/jobs", params={"limit": 3, "cursor": first["cursor"]}))
    assert [job["id"] for page in (first, rest) for job in page["jobs"]] == jobs
    assert (rest["more"], rest["cursor"]) == (False, None)
    for wrong in ("cursor=x", "cursor=submitted-1-a", "where=custmer:acme"):
        refused = await hub.get(f"/api/jobs?{wrong}")
        assert (refused.status_code, refused.json()["field"]) == (422, wrong.partition("=")[0])


async def test_orders_and_what_comes_of_them(hub: httpx.AsyncClient, store: Store) -> None:
    job_id = await submit(store)
    for order, status in (("hold", "delayed"), ("unhold", "pending"), ("cancel", "cancelled"), ("retry", "pending")):
        answer = body_of(await hub.post(f"/api/jobs/{job_id}/{order}"))
        assert (answer["status"], answer["job"]["id"]) == (status, job_id)
        assert answer["message"] == f"job {job_id} is {status}"


async def test_cancelling_twice_changes_nothing_and_an_old_client_may_say_why(
    hub: httpx.AsyncClient, store: Store
) -> None:
    job_id = await submit(store)
    for _ in range(2):
        answer = await hub.post(f"/jobs/{job_id}/cancel", json={"reason": "changed my mind"})
        assert (answer.status_code, body_of(answer)["status"]) == (200, "cancelled")


async def test_delete_cancels(hub: httpx.AsyncClient, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(store)
    claim = await worker.take()
    assert body_of(await hub.delete(f"/api/jobs/{job_id}"))["status"] == "cancelling"
    assert await worker.complete(claim) == "cancel"
    assert body_of(await hub.get(f"/api/jobs/{job_id}"))["status"] == "cancelled"


async def test_requeue_takes_a_job_from_its_worker(hub: httpx.AsyncClient, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(store)
    claim = await worker.take()
    assert body_of(await hub.post(f"/api/jobs/{job_id}/requeue"))["status"] == "pending"
    assert await worker.complete(claim) == "stale"


async def test_priority_moves_a_waiting_job(hub: httpx.AsyncClient, store: Store) -> None:
    first, second = await submit(store), await submit(store)
    moved = await hub.post(f"/api/jobs/{second}/priority", json={"priority": 80})
    assert body_of(moved)["priority"] == 80
    assert [job["id"] for job in body_of(await hub.get("/api/jobs"))["jobs"]] == [second, first]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"priority":101}', b'{"priority":"x"}', b"[]"])
async def test_a_priority_must_be_one(hub: httpx.AsyncClient, store: Store, body: bytes) -> None:
    answer = await hub.post(f"/api/jobs/{await submit(store)}/priority", content=body)
    assert answer.status_code == 422


@pytest.mark.parametrize("reason", [0, False, [], {}, 5, " "])
async def test_reason_that_is_no_text_is_422(hub: httpx.AsyncClient, store: Store, reason: object) -> None:
    answer = await hub.post(f"/api/jobs/{await submit(store)}/hold", json={"reason": reason})
    assert (answer.status_code, body_of(answer)["field"]) == (422, "reason")


async def test_reason_of_an_order_to_one_job_is_kept(hub: httpx.AsyncClient, store: Store) -> None:
    await hub.post(f"/api/jobs/{await submit(store)}/cancel", json={"reason": "wrong model"})
    assert body_of(await hub.get("/api/audit"))["orders"][-1]["reason"] == "wrong model"


async def test_an_order_that_the_state_forbids_is_409(hub: httpx.AsyncClient, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(store)
    await worker.complete(await worker.take())
    for order, body in (("retry", {}), ("hold", {}), ("requeue", {}), ("priority", {"priority": 1})):
        answer = await hub.post(f"/api/jobs/{job_id}/{order}", json=body)
        assert answer.status_code == 409
        assert "completed" in body_of(answer)["detail"]


async def test_orders_to_nobody_are_404(hub: httpx.AsyncClient) -> None:
    for order in ORDERS:
        answer = await hub.post(f"/api/jobs/nobody/{order}", json=BODIES.get(order))
        assert (answer.status_code, body_of(answer)["name"]) == (404, "nobody")


async def test_error_of_a_failed_run_is_in_lists_and_with_the_job(hub: httpx.AsyncClient, store: Store) -> None:
    worker, job = await register(store), await submit(store)
    await worker.fail(await worker.take())
    assert body_of(await hub.get("/api/jobs"))["jobs"][0]["error"] == "it broke"
    assert body_of(await hub.get(f"/api/jobs/{job}"))["error"] == "it broke"
    assert body_of(await hub.get(f"/api/jobs/{job}/result"))["error"] is None
