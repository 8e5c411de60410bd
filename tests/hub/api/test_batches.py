"""Many jobs in one call: a JSON array, or a job on each line; and bodies that are neither."""

import json
from typing import Any

import httpx
import pytest

from daemons.hub.api.submission import MAX_BATCH_JOBS
from emp_core.domain import json_text
from emp_core.store import Store
from tests.hub.conftest import body_of
from tests.support.builders import register, submit

JOB = {"service": "comfyui"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def lines_of(*bodies: Any) -> bytes:
    return b"".join(json.dumps(body).encode() + b"\n" for body in bodies)


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl; charset=utf-8", "Application/X-NDJSON"])
async def test_job_on_each_line_is_answered_as_an_array_is(hub: httpx.AsyncClient, kind: str) -> None:
    text = lines_of({**JOB, "id": "first"}, {**JOB, "priority": 101}) + b"{\r\n\n[]\n" + lines_of({**JOB, "id": "last"})
    answer = await hub.post("/api/jobs", content=text, headers={"Content-Type": kind})
    batch = body_of(answer)
    assert (answer.status_code, batch["success"], batch["stored"], batch["refused"]) == (200, False, 2, 3)
    assert [line.get("id") for line in batch["jobs"]] == ["first", None, None, None, "last"]
    assert [line.get("field") for line in batch["jobs"]] == [None, "priority", "body", "body", None]


async def test_one_job_on_one_line_is_a_batch(hub: httpx.AsyncClient) -> None:
    assert body_of(await hub.post("/jobs", content=lines_of(JOB).strip(), headers=NDJSON))["stored"] == 1


async def test_lines_are_repeated_under_one_key(hub: httpx.AsyncClient) -> None:
    headers = {**NDJSON, "Idempotency-Key": "batch-1"}
    first, second = [body_of(await hub.post("/jobs", content=lines_of(JOB, JOB), headers=headers)) for _ in "ab"]
    assert [line["id"] for line in first["jobs"]] == [line["id"] for line in second["jobs"]]
    assert [line["repeated"] for line in second["jobs"]] == [True, True]
    as_array = body_of(await hub.post("/jobs", json=[JOB, JOB], headers={"Idempotency-Key": "batch-1"}))
    assert [line["id"] for line in as_array["jobs"]] == [line["id"] for line in first["jobs"]]


async def test_10_000_jobs_are_stored_in_order_by_one_call(hub: httpx.AsyncClient, store: Store) -> None:
    ids = [f"job-{number:05}" for number in range(MAX_BATCH_JOBS)]
    text = lines_of(*({**JOB, "id": job_id} for job_id in ids))
    batch = body_of(await hub.post("/api/jobs", content=text, headers=NDJSON))
    assert (batch["stored"], batch["refused"]) == (MAX_BATCH_JOBS, 0)
    assert [line["id"] for line in batch["jobs"]] == ids
    worker = await register(store)
    assert [(await worker.take()).job_id, (await store.inspector.summary()).jobs["pending"]] == [ids[0], 9_999]


async def test_lines_over_the_limit_are_refused_as_a_whole(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/jobs", content=lines_of(*[JOB] * (MAX_BATCH_JOBS + 1)), headers=NDJSON)
    assert (answer.status_code, body_of(answer)["limit"]) == (413, "max_batch_jobs")


async def test_lines_with_too_many_nodes_are_refused_before_they_are_read(
    hub: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_text, "MAX_LIST_NODES", 10_000)
    line = b'{"service":"x","payload":{"a":[' + b"[]," * 9_000 + b"0]}}\n"
    assert (await hub.post("/jobs", content=line, headers=NDJSON)).status_code == 200
    answer = await hub.post("/jobs", content=line * 3, headers=NDJSON)
    assert (answer.status_code, body_of(answer)["limit"]) == (413, "max_json_nodes")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_body_that_is_not_json_is_415_and_stores_nothing(
    hub: httpx.AsyncClient, store: Store, headers: dict[str, str]
) -> None:
    answers = [await hub.post("/api/jobs", content=json.dumps(JOB), headers=headers)]
    job_id = await submit(store)
    answers.append(await hub.post(f"/api/jobs/{job_id}/priority", content=b'{"priority":1}', headers=headers))
    for answer in answers:
        assert (answer.status_code, body_of(answer)["code"]) == (415, "unsupported_media_type")
        assert body_of(answer)["hint"].startswith("send ")
    assert (await store.inspector.summary()).jobs["pending"] == 1


async def test_body_without_a_content_type_is_json(hub: httpx.AsyncClient) -> None:
    assert (await hub.post("/api/jobs", content=json.dumps(JOB))).status_code == 201


async def test_order_without_a_body_may_have_any_content_type(hub: httpx.AsyncClient, store: Store) -> None:
    job_id = await submit(store)
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # as `curl -d ""` sends it
    assert (await hub.post(f"/api/jobs/{job_id}/hold", headers=form)).status_code == 200


async def test_steps_of_a_workflow_take_its_priority_and_show_their_numbers(hub: httpx.AsyncClient) -> None:
    step = {**JOB, "workflow_id": "wf", "workflow_priority": 70, "workflow_datetime": 1_751_000_000_123}
    jobs = [{**step, "id": f"step-{number}", "current_step": number, "total_steps": 2} for number in (1, 2)]
    batch = body_of(await hub.post("/api/jobs", json=jobs))
    assert [line["job"]["priority"] for line in batch["jobs"]] == [70, 70]
    job = body_of(await hub.get("/api/jobs/step-2"))
    assert (job["workflow_id"], job["labels"]) == ("wf", {"current_step": "2", "total_steps": "2"})
    found = body_of(await hub.get("/api/jobs", params={"where": "label.current_step:1"}))["jobs"]
    assert [each["id"] for each in found] == ["step-1"]
