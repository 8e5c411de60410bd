"""Who may call: the token where there is one, this machine where there is none, and no web page of somebody else's."""

import logging

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from daemons.hub.http.auth import Gate
from daemons.hub.settings import HubSettings
from emp_core.environment import load_settings
from emp_core.store import Store
from tests.hub.conftest import Call, body_of
from tests.hub.operations import DOCUMENT
from tests.support.builders import register, submit

TOKEN = "correct horse battery staple"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

OPERATIONS = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]


def with_token(**more: str) -> HubSettings:
    return load_settings(HubSettings, {"WS_AUTH_TOKEN": TOKEN, **more})


@pytest.fixture
def guarded(calling: Call) -> httpx.AsyncClient:
    return calling(with_token())


@pytest.mark.parametrize(("method", "path"), [*OPERATIONS, ("GET", "/openapi.json"), ("GET", "/nothing")])
async def test_every_path_needs_the_token_but_health(guarded: httpx.AsyncClient, method: str, path: str) -> None:
    for way in (path, path.removeprefix("/api")):
        refused = await guarded.request(method, way)
        if way.endswith("/health"):
            assert refused.status_code == 200
        else:
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
            assert (await guarded.request(method, way, headers=BEARER)).status_code != 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer \xe9",
    ],
)
async def test_another_token_is_refused(guarded: httpx.AsyncClient, header: str) -> None:
    answer = await guarded.get("/api/stats", headers={b"Authorization": header.encode("latin-1")})
    assert (answer.status_code, body_of(answer)["code"]) == (401, "unauthorized")


async def test_either_name_of_the_variable_will_do(calling: Call) -> None:
    hub = calling(load_settings(HubSettings, {"HUB_AUTH_TOKEN": TOKEN}))
    assert (await hub.get("/api/stats", headers=BEARER)).status_code == 200


async def test_a_token_in_a_url_counts_only_where_it_may(guarded: httpx.AsyncClient, calling: Call) -> None:
    assert (await guarded.get("/api/jobs", params={"token": TOKEN})).status_code == 401
    open_hub = calling(with_token(HUB_ALLOW_QUERY_TOKEN="true"))
    page = await open_hub.get("/api/jobs", params={"token": TOKEN, "limit": 7})
    assert (page.status_code, body_of(page)["limit"]) == (200, 7)
    assert (await open_hub.get("/api/jobs", params={"token": "wrong"})).status_code == 401


async def test_no_token_is_ever_logged(calling: Call, caplog: pytest.LogCaptureFixture) -> None:
    hub = calling(with_token(HUB_ALLOW_QUERY_TOKEN="true"))
    with capture_logs() as logs, caplog.at_level(logging.DEBUG):
        await hub.get("/api/jobs", params={"token": TOKEN})
        await hub.get("/api/jobs/nobody", headers=BEARER)
        await hub.get("/api/jobs", params={"token": "wrong horse"})
    assert [entry["status"] for entry in logs] == [200, 404, 401]
    assert "horse" not in repr(logs)
    assert all("?" not in entry["path"] for entry in logs)


async def test_the_token_makes_nobody_an_operator(
    guarded: httpx.AsyncClient, hub: httpx.AsyncClient, store: Store
) -> None:
    worker = await register(store)
    job_id = await submit(store)
    await worker.take()
    for path in (f"/api/jobs/{job_id}/requeue", "/api/workers/gpu1:0/pause", "/api/workers/gpu1:0/drain"):
        refused = await guarded.post(path, headers=BEARER)
        assert (refused.status_code, body_of(refused)["code"]) == (403, "forbidden")
        assert (await hub.post(path)).status_code == 200
    assert (await guarded.post(f"/api/jobs/{job_id}/cancel", headers=BEARER)).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost.evil.example", "http://localhost:99", "http://["]
)
async def test_a_page_of_another_origin_may_not_call(
    hub: httpx.AsyncClient, guarded: httpx.AsyncClient, origin: str
) -> None:
    for client in (hub, guarded):
        answer = await client.post("/api/jobs", json={"service": "comfyui"}, headers={**BEARER, "Origin": origin})
        assert answer.status_code == 403
    assert (await hub.get("/api/stats", headers={"Origin": "http://localhost"})).status_code == 200
    nameless = {**BEARER, "Origin": origin, "Host": ""}
    assert (await guarded.get("/api/stats", headers=nameless)).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3001", "192.168.0.7", "localhost.evil.example", "["])
async def test_without_a_token_the_hub_goes_by_the_names_of_this_machine(
    hub: httpx.AsyncClient, guarded: httpx.AsyncClient, host: str
) -> None:
    assert (await hub.get("/api/stats", headers={"Host": host})).status_code == 403
    assert (await guarded.get("/api/stats", headers={**BEARER, "Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:3001", "127.0.0.1:3001", "127.9.9.9", "[::1]:3001"])
async def test_this_machine_has_several_names(hub: httpx.AsyncClient, host: str) -> None:
    assert (await hub.get("/api/stats", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"authorization": "Bearer wrong"}, 401), ({**BEARER, "origin": "http://evil.example"}, 403)],
)
async def test_a_socket_is_refused_before_it_is_accepted(headers: dict[str, str], status: int) -> None:
    sent: list[Message] = []

    async def unreachable(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it got through")

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()]
    scope = {"type": "websocket", "path": "/ws/monitor/1", "query_string": b"token=wrong", "headers": raw}
    await Gate(unreachable, with_token())(scope, receive, send)
    assert sent[0]["type"] == "websocket.http.response.start"
    assert sent[0]["status"] == status


async def test_a_path_cannot_forge_a_line_of_the_log(hub: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        await hub.get("/api/jobs/a%0D%0Ab%1B[31m")
    assert logs[0]["path"] == "/api/jobs/a%0D%0Ab%1B[31m"
