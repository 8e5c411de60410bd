"""What the hub does not take: each refusal is a problem that names the field, or the limit, and stores nothing."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from daemons.hub.api.submission import MAX_SUBMIT_BYTES
from daemons.hub.http import bodies
from daemons.hub.settings import HubSettings
from emp_core.domain.policy import MAX_JSON_DEPTH, MAX_JSON_NODES, MAX_SPILLED_PAYLOAD
from emp_core.store import Store
from tests.hub.conftest import Call, body_of
from tests.support.builders import submit

DEEP = '{"service":"comfyui","payload":{"a":' + "[" * 100 + "]" * 100 + "}}"
VERY_DEEP = '{"service":"comfyui","payload":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", "body"),
        ("{", "body"),
        ("nonsense", "body"),
        ('"text"', "body"),
        ("null", "body"),
        ('{"service":"comfyui","payload":{"a":NaN}}', "body"),
        ('{"service":"comfyui","payload":{"a":-Infinity}}', "body"),
        ('{"service":"comfyui","payload":{"a":1e999}}', "body"),
        ('{"service":"comfyui","service":"a1111"}', "body"),
        ('{"service":"comfyui","payload":{"a":{"b":1,"b":2}}}', "body"),
        ('{"service":"comfyui","payload":{"a":"\\ud800"}}', "body"),
        (b'{"service":"comfyui","payload":{"a":"\xff"}}', "body"),
        ("{}", "service"),
        ('{"service":"com fyui"}', "service"),
        ('{"service":"../../etc"}', "service"),
        ('{"service":"comfyui","priority":101}', "priority"),
        ('{"service":"comfyui","priority":"high"}', "priority"),
        ('{"service":"comfyui","prioritty":1}', "prioritty"),
        ('{"service":"comfyui","payload":[]}', "payload"),
        ('{"service":"comfyui","requirements":{"gpu_memory_gb":-1}}', "requirements.gpu_memory_gb"),
        ('{"service":"comfyui","requirements":{"hardware":{"gpu":{"memory":1}}}}', "requirements.hardware.gpu.memory"),
        ('{"service":"comfyui","id":"a/b"}', "id"),
        ('{"service":"comfyui","depends_on":["nobody"]}', "depends_on"),
    ],
)
async def test_a_bad_body_is_422_with_the_field(hub: httpx.AsyncClient, text: str | bytes, field: str) -> None:
    answer = await hub.post("/api/jobs", content=text)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert body_of(answer)["field"] == field
    assert body_of(await hub.get("/api/stats"))["jobs"]["total"] == 0


@pytest.mark.parametrize(
    ("text", "limit", "maximum"),
    [
        (DEEP, "max_json_depth", MAX_JSON_DEPTH),
        (VERY_DEEP, "max_json_depth", MAX_JSON_DEPTH),
        (json.dumps({"payload": {"a": [0] * MAX_JSON_NODES}}), "max_json_nodes", MAX_JSON_NODES),
        (
            '{"service":"c","payload":{"a":"' + "x" * MAX_SPILLED_PAYLOAD + '"}}',
            "max_payload_bytes",
            MAX_SPILLED_PAYLOAD,
        ),
    ],
    ids=["deep", "very deep", "nodes", "payload"],
)
async def test_over_a_limit_is_413_with_the_limit(hub: httpx.AsyncClient, text: str, limit: str, maximum: int) -> None:
    answer = await hub.post("/api/jobs", content=text)
    assert answer.status_code == 413
    assert (body_of(answer)["limit"], body_of(answer)["maximum"]) == (limit, maximum)


async def test_a_body_that_says_it_is_too_large_is_not_read(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/api/jobs", content=b"{}", headers={"Content-Length": str(MAX_SUBMIT_BYTES + 1)})
    assert (answer.status_code, body_of(answer)["limit"]) == (413, "max_body_bytes")


async def test_a_body_that_does_not_say_so_is_stopped(hub: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 2**20
            yield b" " * 2**20

    monkeypatch.setattr("daemons.hub.api.jobs.MAX_SUBMIT_BYTES", 4 * 2**20)
    answer = await hub.post("/api/jobs", content=endless())
    assert (answer.status_code, body_of(answer)["limit"]) == (413, "max_body_bytes")
    assert sent <= 6 * 2**20


async def test_a_caller_that_falls_silent_is_told(hub: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    monkeypatch.setattr(bodies, "STALL_SECONDS", 0.05)
    answer = await hub.post("/api/jobs", content=silent())
    assert (answer.status_code, body_of(answer)["code"]) == (408, "request_timeout")


@pytest.mark.parametrize(
    "path",
    [
        "/api/jobs/nobody",
        "/api/jobs/no",
        "/api/jobs/%20",
        "/api/jobs/a%2Fb",
        "/api/workers/nobody",
        "/api/nothing",
        "/",
    ],
)
async def test_what_is_not_there_is_404(hub: httpx.AsyncClient, path: str) -> None:
    answer = await hub.get(path)
    assert (answer.status_code, body_of(answer)["code"]) == (404, "not_found")


@pytest.mark.parametrize("query", ["status=actve", "limit=0", "limit=x", "offset=-1", "unworkable=maybe"])
async def test_a_query_with_a_wrong_value_is_422(hub: httpx.AsyncClient, query: str) -> None:
    answer = await hub.get(f"/api/jobs?{query}")
    assert answer.status_code == 422
    assert body_of(answer)["field"] == query.partition("=")[0]


TOO_LARGE = ("10000000000", "99999999999999999999", "9" * 5_000)


@pytest.mark.parametrize("number", [*TOO_LARGE, "-1", "1.5", "1e3", ""])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/jobs/{job}/log?start={number}", "start"),
        ("/api/jobs?limit={number}", "limit"),
        ("/api/jobs?offset={number}", "offset"),
        ("/api/artifacts/{job}/{number}/1", "attempt"),
        ("/api/artifacts/{job}/1/{number}", "number"),
    ],
)
async def test_a_number_has_bounds(hub: httpx.AsyncClient, store: Store, path: str, field: str, number: str) -> None:
    answer = await hub.get(path.format(job=await submit(store), number=number))
    if number or "?" in path:
        assert (answer.status_code, body_of(answer).get("field")) == (422, field)
    else:
        assert answer.status_code == 404


@pytest.mark.parametrize("number", TOO_LARGE)
async def test_an_attempt_and_a_priority_have_bounds(hub: httpx.AsyncClient, store: Store, number: str) -> None:
    job_id = await submit(store)
    answers = [
        await hub.put(f"/api/jobs/{job_id}/attempts/{number}/artifacts?name=a", content=b"x"),
        await hub.post(f"/api/jobs/{job_id}/priority", content=f'{{"priority":{number}}}'),
        await hub.post("/api/jobs", content=f'{{"service":"comfyui","max_failures":{number}}}'),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]


async def test_another_method_is_405(hub: httpx.AsyncClient) -> None:
    answer = await hub.put("/api/jobs")
    assert (answer.status_code, body_of(answer)["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST, HEAD"
    assert (await hub.get("/jobs/abcd/cancel")).headers["allow"] == "POST"
    assert (await hub.post("/api/health")).headers["allow"] == "GET, HEAD"


async def test_a_bug_of_ours_says_nothing_of_itself(
    calling: Call, settings: HubSettings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(store.inspector, "summary", broken)
    answer = await calling(settings, raising=False).get("/api/stats")
    assert (answer.status_code, body_of(answer)["code"]) == (500, "internal")
    assert "secret" not in answer.text
