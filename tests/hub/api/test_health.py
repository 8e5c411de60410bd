"""Whether the hub is well and ready, and what it says of that to whom."""

import shutil
from pathlib import Path

import httpx
import pytest
from obstore.store import MemoryStore
from pydantic import SecretStr

from daemons.hub.app import create_app
from daemons.hub.settings import HubSettings
from emp_core.artifacts.local import LocalArtifacts
from emp_core.client.redis_queue import RedisQueue
from emp_core.errors import EmpError, Misconfigured, QueueUnavailable
from emp_core.store import Store
from tests.hub.conftest import Call, body_of

TOKEN = "correct horse battery staple"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

UNAVAILABLE = QueueUnavailable("redis_unavailable", "cannot connect to 10.9.8.7:6379")
ODD = Misconfigured("10.9.8.7 is a replica", hint="set REDIS_URL to another than 10.9.8.7")


@pytest.mark.parametrize(("error", "code"), [(UNAVAILABLE, "redis_unavailable"), (ODD, "misconfigured")])
async def test_only_who_shows_the_token_is_told_why_the_hub_is_ill(
    hub: httpx.AsyncClient, calling: Call, monkeypatch: pytest.MonkeyPatch, error: EmpError, code: str
) -> None:
    async def ill(_: object) -> None:
        raise error

    monkeypatch.setattr(RedisQueue, "check_server", ill)
    guarded = calling(HubSettings(ws_auth_token=SecretStr(TOKEN)))
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = await guarded.get("/health", headers=headers)
        assert (answer.status_code, body_of(answer)["code"], body_of(answer)["status"]) == (503, code, "unavailable")
        assert "10.9.8.7" not in answer.text
    for knowing in (await guarded.get("/health", headers=BEARER), await hub.get("/health")):
        assert body_of(knowing)["detail"] == error.message


async def test_hub_is_ready_if_redis_and_the_file_store_take_writes(hub: httpx.AsyncClient, files: MemoryStore) -> None:
    answer = await hub.get("/ready")
    assert (answer.status_code, body_of(answer)["ready"]) == (200, True)
    assert {name: check["state"] for name, check in body_of(answer)["checks"].items()} == {"redis": "ok", "files": "ok"}
    assert files.list().collect() == []


async def test_hub_is_not_ready_if_the_file_store_takes_no_files(
    settings: HubSettings, store: Store, tmp_path: Path
) -> None:
    directory = tmp_path / "files"
    artifacts = LocalArtifacts(directory)
    app = create_app(store, artifacts, settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        assert (await client.get("/api/ready")).status_code == 200
        shutil.rmtree(directory)
        directory.write_text("no directory")
        answer = await client.get("/api/ready")
    checks = body_of(answer)["checks"]
    assert (answer.status_code, body_of(answer)["ready"], checks["redis"]["state"]) == (503, False, "ok")
    assert (checks["files"]["state"], checks["files"]["code"]) == ("failed", "artifacts_unavailable")


async def test_hub_is_not_ready_without_redis(hub: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ill(_: object) -> None:
        raise UNAVAILABLE

    monkeypatch.setattr(RedisQueue, "check_server", ill)
    answer = await hub.get("/api/ready")
    assert (answer.status_code, body_of(answer)["checks"]["redis"]["code"]) == (503, "redis_unavailable")
    assert body_of(answer)["checks"]["redis"]["reason"] == UNAVAILABLE.message
