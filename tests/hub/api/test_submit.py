"""Submitting jobs: what the documents show, what is new, what is repeated, what is large, what comes in batches."""

import json
from typing import Any

import httpx
import pytest
from obstore.store import MemoryStore

from daemons.hub.api.submission import MAX_BATCH_JOBS
from daemons.hub.settings import HubSettings
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.domain.policy import MAX_INLINE_PAYLOAD
from emp_core.store import Link, Store
from tests.hub.conftest import Call, body_of
from tests.support.builders import register
from tests.support.snapshot import Look

JOB = {"service": "comfyui", "payload": {"prompt": {}}}


async def test_answer_to_a_submit_says_where_the_job_is(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/jobs", json=JOB)
    assert answer.headers["location"] == f"/api/jobs/{body_of(answer)['job_id']}"


async def test_an_answer_says_how_durable_the_job_is(hub: httpx.AsyncClient) -> None:
    assert body_of(await hub.post("/api/jobs", json=JOB))["durability"] == "memory"


async def test_an_answer_says_whether_anybody_can_do_it(hub: httpx.AsyncClient, store: Store) -> None:
    await register(store)
    assert body_of(await hub.post("/api/jobs", json=JOB))["unworkable"] is False
    large = body_of(await hub.post("/api/jobs", json={**JOB, "requirements": {"gpu_memory_gb": 80}}))
    assert large["unworkable"] is True
    assert "no live worker" in large["message"]


async def test_a_repeated_request_is_the_same_job(hub: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "order-1"}
    first = await hub.post("/api/jobs", json=JOB, headers=key)
    second = await hub.post("/api/jobs", json=JOB, headers=key)
    assert (first.status_code, second.status_code) == (201, 200)
    assert body_of(first)["id"] == body_of(second)["id"]
    assert body_of(second)["repeated"] is True
    other = await hub.post("/api/jobs", json={**JOB, "priority": 1}, headers=key)
    assert (other.status_code, body_of(other)["code"]) == (409, "conflict")


async def test_a_repeat_after_the_hubs_defaults_changed_is_the_same_job(calling: Call) -> None:
    key = {"Idempotency-Key": "order-1"}
    first = await calling(HubSettings()).post("/api/jobs", json=JOB, headers=key)
    other = calling(HubSettings(default_job_priority=70, max_job_timeout_minutes=2))
    second = await other.post("/api/jobs", json=JOB, headers=key)
    assert (second.status_code, body_of(second)["id"]) == (200, body_of(first)["id"])


@pytest.mark.parametrize("order", [1, -1])
async def test_a_repeat_may_order_its_keys_otherwise_but_not_write_other_numbers(
    hub: httpx.AsyncClient, order: int
) -> None:
    key = {"Idempotency-Key": "order-1", "Content-Type": "application/json"}
    bodies = [
        '{"service": "x", "payload": {"seed": 18446744073709551617, "cfg": {"a": 1, "b": 7.0}}}',
        '{"payload": {"cfg": {"b": 7.0, "a": 1}, "seed": 18446744073709551617}, "service": "x"}',
    ]
    answers = [await hub.post("/api/jobs", content=body, headers=key) for body in bodies[::order]]
    assert [answer.status_code for answer in answers] == [201, 200]
    for old, new in (("7.0", "7"), ("617", "618")):
        other = await hub.post("/api/jobs", content=bodies[0].replace(old, new), headers=key)
        assert (other.status_code, body_of(other)["code"]) == (409, "conflict")


async def test_the_id_of_a_deleted_job_is_told_as_deleted(hub: httpx.AsyncClient, store: Store) -> None:
    await hub.post("/api/jobs", json={**JOB, "id": "mine"})
    await store.broker.cancel("mine")
    await store.upkeep.delete(["mine"])
    refused = await hub.post("/api/jobs", json={**JOB, "id": "mine"})
    assert (refused.status_code, body_of(refused)["code"]) == (409, "deleted")
    assert body_of(refused)["detail"] == "job mine was deleted"
    assert body_of(refused)["hint"] == "choose another id"


async def test_the_key_may_stand_in_the_body_but_not_twice_in_two_ways(hub: httpx.AsyncClient) -> None:
    body = {**JOB, "idempotency_key": "order-1"}
    first = body_of(await hub.post("/api/jobs", json=body))
    again = await hub.post("/api/jobs", json=body, headers={"Idempotency-Key": "order-1"})
    assert body_of(again)["id"] == first["id"]
    other = await hub.post("/api/jobs", json=body, headers={"Idempotency-Key": "order-2"})
    assert (other.status_code, body_of(other)["field"]) == (422, "idempotency_key")


async def test_a_job_may_bring_its_id_once(hub: httpx.AsyncClient) -> None:
    assert body_of(await hub.post("/api/jobs", json={**JOB, "id": "my-job"}))["id"] == "my-job"
    other = await hub.post("/api/jobs", json={**JOB, "id": "my-job", "priority": 3})
    assert other.status_code == 409


async def test_numbers_texts_and_lists_survive(hub: httpx.AsyncClient) -> None:
    payload = {"seed": 2**64 + 1, "small": -(2**63), "empty": [], "text": "żółw \U0001f422 \u2028", "x": 0.1}
    job_id = body_of(await hub.post("/api/jobs", json={**JOB, "payload": payload}))["id"]
    assert body_of(await hub.get(f"/api/jobs/{job_id}"))["payload"] == payload


async def test_the_hubs_own_defaults(calling: Call) -> None:
    hub = calling(HubSettings(default_job_priority=70, max_job_timeout_minutes=2))
    job = body_of(await hub.get(f"/jobs/{body_of(await hub.post('/jobs', json=JOB))['id']}"))
    assert (job["priority"], job["timeout_seconds"]) == (70, 120)
    long = await hub.post("/jobs", json={**JOB, "timeout_seconds": 121})
    assert (long.status_code, body_of(long)["field"]) == (422, "timeout_seconds")


async def test_a_full_queue_asks_to_come_again(calling: Call) -> None:
    hub = calling(HubSettings(max_pending_jobs=1))
    assert (await hub.post("/jobs", json=JOB)).status_code == 201
    refused = await hub.post("/jobs", json=JOB)
    assert (refused.status_code, body_of(refused)["limit"]) == (429, "max_pending_jobs")
    assert int(refused.headers["retry-after"]) > 0


async def test_a_large_payload_goes_to_the_artifact_store(
    hub: httpx.AsyncClient, artifacts: ObjectArtifacts, look: Look
) -> None:
    body = {**JOB, "payload": {"image": "x" * (MAX_INLINE_PAYLOAD + 1)}}
    answer = await hub.post("/api/jobs", json=body, headers={"Idempotency-Key": "large"})
    job_id = body_of(answer)["id"]
    assert json.loads(await artifacts.get_payload(job_id)) == {"payload": body["payload"]}
    assert look().string(f"job.payload:{job_id}") == b""
    job = body_of(await hub.get(f"/api/jobs/{job_id}"))
    assert job["payload"] is None
    assert json.loads((await hub.get(job["payload_url"])).content) == {"payload": body["payload"]}
    again = await hub.post("/api/jobs", json=body, headers={"Idempotency-Key": "large"})
    assert (again.status_code, body_of(again)["id"]) == (200, job_id)


async def test_a_large_payload_under_the_id_of_another_is_a_conflict(hub: httpx.AsyncClient) -> None:
    bodies = [{**JOB, "id": "large", "payload": {"image": char * (MAX_INLINE_PAYLOAD + 1)}} for char in "xy"]
    assert (await hub.post("/api/jobs", json=bodies[0])).status_code == 201
    assert (await hub.post("/api/jobs", json=bodies[1])).status_code == 409


async def test_a_batch_is_answered_line_by_line(hub: httpx.AsyncClient) -> None:
    lines = [
        {**JOB, "id": "first"},
        {**JOB, "priority": 101},
        {**JOB, "id": "third", "depends_on": ["first"]},
        "not an object",
        {**JOB, "depends_on": ["nobody"]},
        {**JOB, "id": "first", "priority": 1},
    ]
    answer = await hub.post("/api/jobs", json=lines)
    batch = body_of(answer)
    assert (answer.status_code, batch["success"], batch["stored"], batch["refused"]) == (200, False, 2, 4)
    assert [line.get("id") for line in batch["jobs"]] == ["first", None, "third", None, None, None]
    assert [line.get("state") for line in batch["jobs"]] == ["pending", None, "blocked", None, None, None]
    assert [line.get("field") for line in batch["jobs"][1:5]] == ["priority", None, "body", "depends_on"]
    assert [line["success"] for line in batch["jobs"]] == [True, False, True, False, False, False]
    assert [line["status"] for line in batch["jobs"]][3:] == [422, 422, 409]


async def test_a_batch_keeps_its_order(hub: httpx.AsyncClient, store: Store) -> None:
    ids = [f"job-{number:03}" for number in range(130)]
    answer = await hub.post("/api/jobs", json=[{**JOB, "id": job_id} for job_id in ids])
    assert body_of(answer)["stored"] == 130
    assert await (await register(store)).drain() == ids


async def test_a_batch_is_repeated_under_one_key(hub: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "batch-1"}
    first = body_of(await hub.post("/api/jobs", json=[JOB, JOB], headers=key))
    second = body_of(await hub.post("/api/jobs", json=[JOB, JOB], headers=key))
    assert [line["id"] for line in first["jobs"]] == [line["id"] for line in second["jobs"]]
    assert len({line["id"] for line in first["jobs"]}) == 2


async def test_a_batch_has_a_limit(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/api/jobs", json=[JOB] * (MAX_BATCH_JOBS + 1))
    assert (answer.status_code, body_of(answer)["limit"]) == (413, "max_batch_jobs")
    assert body_of(await hub.post("/api/jobs", json=[]))["stored"] == 0


async def test_a_batch_may_have_more_nodes_than_one_job(hub: httpx.AsyncClient) -> None:
    job = {**JOB, "payload": {"numbers": [0] * 20_000}}
    assert body_of(await hub.post("/api/jobs", json=[job] * 6))["stored"] == 6


async def test_a_part_of_a_batch_under_its_key_is_another_batch(hub: httpx.AsyncClient, store: Store) -> None:
    """Of ten equal lines three fit; the other seven, sent again under the key, are no repetitions of these."""
    store.broker.max_waiting = 3
    key = {"Idempotency-Key": "k" * 250}
    assert body_of(await hub.post("/jobs", json=[JOB] * 10, headers=key))["stored"] == 3
    store.broker.max_waiting = 100
    more = body_of(await hub.post("/jobs", json=[JOB] * 7, headers=key))
    assert [line["repeated"] for line in more["jobs"]] == [False] * 7
    assert (await store.inspector.summary()).jobs["pending"] == 10


LARGE = {**JOB, "payload": {"image": "x" * (MAX_INLINE_PAYLOAD + 1)}}


async def test_the_payload_of_a_job_that_is_none_does_not_stay(
    hub: httpx.AsyncClient, store: Store, files: MemoryStore
) -> None:
    key = {"Idempotency-Key": "large"}
    first = body_of(await hub.post("/jobs", json=LARGE, headers=key))["id"]
    assert body_of(await hub.post("/jobs", json=LARGE, headers=key))["id"] == first
    assert (await hub.post("/jobs", json={**LARGE, "priority": 1}, headers=key)).status_code == 409
    store.broker.max_waiting = 1
    assert (await hub.post("/jobs", json=LARGE)).status_code == 429
    assert {file["path"].partition("/")[0] for file in files.list().collect()} == {first}


async def test_an_answer_that_was_lost_once_makes_no_repetition(
    hub: httpx.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Link.run

    async def twice(link: Link, name: str, *records: Any, **arguments: Any) -> Any:
        await run(link, name, *records, **arguments)
        return await run(link, name, *records, **arguments)

    monkeypatch.setattr(Link, "run", twice)
    answer = await hub.post("/jobs", json=JOB)
    assert (answer.status_code, body_of(answer)["repeated"]) == (201, False)


async def test_labels_are_stored_and_shown(hub: httpx.AsyncClient) -> None:
    labels = {"batch": "42", "user/name": "Ann Ähn"}
    stored = body_of(await hub.post("/api/jobs", json={**JOB, "labels": labels}))
    assert stored["job"]["labels"] == labels
    assert body_of(await hub.get(f"/api/jobs/{stored['id']}"))["labels"] == labels
    assert body_of(await hub.get("/api/jobs"))["jobs"][0]["labels"] == labels
    assert body_of(await hub.get(f"/api/jobs/{stored['id']}/explain"))["labels"] == labels


async def test_wrong_label_is_refused_by_its_name(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/api/jobs", json={**JOB, "labels": {"batch": 42}})
    assert (answer.status_code, answer.json()["field"]) == (422, "labels.batch")
    assert 'write "42"' in answer.json()["detail"]
    many = await hub.post("/api/jobs", json={**JOB, "labels": {f"l{number}": "" for number in range(17)}})
    assert (many.json()["limit"], many.json()["maximum"]) == ("max_labels", 16)
