"""Who ordered what, over HTTP."""

import socket

import httpx
import pytest
from pydantic import SecretStr

from daemons.hub.settings import HubSettings
from emp_core.store import Store
from tests.hub.conftest import Call, body_of
from tests.support.builders import register, submit


async def test_orders_are_kept_with_the_request_id_that_was_sent(hub: httpx.AsyncClient, store: Store) -> None:
    job_id = await submit(store)
    await hub.post(f"/api/jobs/{job_id}/hold", headers={"X-Request-ID": "my request\t1"})
    (order,) = body_of(await hub.get("/api/audit"))["orders"]
    assert (order["verb"], order["subject"], order["request"]) == ("hold", job_id, "my_request_1")
    assert (order["role"], order["actor"]) == ("operator", f"local@{socket.gethostname()}")
    event = body_of(await hub.get(f"/api/jobs/{job_id}/events"))["events"][-1]
    assert (event["name"], event["actor"], event["request"]) == ("held", order["actor"], "my_request_1")


async def test_every_request_has_an_id_of_its_own(hub: httpx.AsyncClient, store: Store) -> None:
    job_id = await submit(store)
    for verb in ("hold", "unhold"):
        await hub.post(f"/api/jobs/{job_id}/{verb}")
    first, second = body_of(await hub.get("/api/audit"))["orders"]
    assert first["request"] != second["request"]
    older = body_of(await hub.get("/api/audit", params={"limit": 1, "before": second["cursor"]}))["orders"]
    assert older == [first]


async def test_reason_for_steering_a_worker_is_kept(hub: httpx.AsyncClient, store: Store) -> None:
    await register(store)
    await hub.post("/api/workers/gpu1:0/pause", json={"reason": "driver update"})
    (order,) = body_of(await hub.get("/api/audit"))["orders"]
    assert (order["verb"], order["before"], order["after"]) == ("pause", "ready", "paused")
    assert order["reason"] == "driver update"


@pytest.mark.parametrize("path", ["/api/audit", "/audit"])
async def test_audit_is_refused_to_the_bearer_of_the_token(calling: Call, store: Store, path: str) -> None:
    settings = HubSettings(ws_auth_token=SecretStr("secret-token-of-16"))
    client = calling(settings, headers={"Authorization": "Bearer secret-token-of-16"})
    answer = await client.get(path)
    assert (answer.status_code, body_of(answer)["code"]) == (403, "forbidden")
    job_id = await submit(store)
    await client.post(f"/api/jobs/{job_id}/hold")
    event = body_of(await client.get(f"/api/jobs/{job_id}/events"))["events"][-1]
    assert event["actor"] == "token"


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "before=yesterday"])
async def test_wrong_query_is_refused(hub: httpx.AsyncClient, query: str) -> None:
    assert (await hub.get(f"/api/audit?{query}")).status_code == 422
