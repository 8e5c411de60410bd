"""Redis unavailable, hung, full, read-only, or set up to lose jobs: each is told at once, and so is its end."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
from obstore.store import MemoryStore

from daemons.hub.api import dependencies
from daemons.hub.app import create_app
from daemons.hub.settings import HubSettings
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.domain.policy import MAX_INLINE_PAYLOAD
from emp_core.store import open_store
from tests.hub.conftest import body_of
from tests.support.redis_server import Server
from tests.support.waiting import wait_until

JOB = {"service": "comfyui"}

CALLS = [
    ("POST", "/api/jobs"),
    ("GET", "/api/jobs"),
    ("GET", "/api/jobs/abcd"),
    ("POST", "/api/jobs/abcd/cancel"),
    ("GET", "/api/workers"),
    ("GET", "/api/stats"),
    ("PUT", "/api/jobs/abcd/attempts/1/artifacts?name=a"),
]


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A server of its own, for a test that ends it."""
    server = Server("valkey")
    yield server
    server.close()


@pytest.fixture
async def client(mortal: Server, artifacts: ObjectArtifacts) -> AsyncIterator[httpx.AsyncClient]:
    store = await open_store(mortal.url)
    app = create_app(store, artifacts, HubSettings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client
    await store.close()


async def assert_refused(client: httpx.AsyncClient, code: str) -> None:
    answer = await client.post("/api/jobs", json=JOB)
    assert (answer.status_code, body_of(answer)["code"]) == (503, code)
    assert int(answer.headers["retry-after"]) > 0
    health = await client.get("/health")
    assert (health.status_code, body_of(health)["status"], body_of(health)["code"]) == (503, "unavailable", code)


async def assert_well(client: httpx.AsyncClient) -> None:
    async def is_well() -> bool:
        return (await client.get("/health")).status_code == 200

    await wait_until(is_well, "the hub is well again")
    assert (await client.post("/api/jobs", json=JOB)).status_code == 201


async def test_redis_goes_and_comes_back(client: httpx.AsyncClient, mortal: Server) -> None:
    await assert_well(client)
    mortal.kill()
    await assert_refused(client, "redis_unavailable")
    for method, path in CALLS:
        assert (await client.request(method, path, json=None if "cancel" in path else JOB)).status_code == 503
    batch = await client.post("/api/jobs", json=[JOB, {"priority": 1}])
    assert [line["status"] for line in body_of(batch)["jobs"]] == [503, 422]
    assert body_of(batch)["jobs"][0]["id"], "under it the job may be sent again, for it may be stored"
    refused = await client.post("/api/jobs", json=[JOB, {**JOB, "id": "mine"}])
    assert (refused.status_code, body_of(refused)["ids"][1]) == (503, "mine")
    assert body_of(await client.post("/api/jobs", json={**JOB, "id": "mine"}))["id"] == "mine"
    mortal.start()
    await assert_well(client)


async def test_a_payload_is_not_kept_for_a_queue_that_is_unavailable(
    client: httpx.AsyncClient, mortal: Server, files: MemoryStore
) -> None:
    mortal.kill()
    large = {**JOB, "payload": {"image": "x" * (MAX_INLINE_PAYLOAD + 1)}}
    assert (await client.post("/api/jobs", json=large)).status_code == 503
    assert list(files.list().collect()) == []


async def test_a_redis_that_hangs_is_unavailable(
    client: httpx.AsyncClient, mortal: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await assert_well(client)
    monkeypatch.setattr(dependencies, "ANSWER_SECONDS", 0.2)
    with stopped(mortal):
        await assert_refused(client, "redis_unavailable")
        for method, path in CALLS:
            assert (await client.request(method, path, json=None if "cancel" in path else JOB)).status_code == 503
    monkeypatch.undo()
    await assert_well(client)


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


async def test_redis_is_full(client: httpx.AsyncClient, mortal: Server) -> None:
    job_id = body_of(await client.post("/api/jobs", json=JOB))["id"]
    mortal.client.config_set("maxmemory", "1mb")
    await assert_refused(client, "storage_full")
    assert (await client.get("/api/jobs")).status_code == 200
    assert body_of(await client.post(f"/api/jobs/{job_id}/cancel"))["status"] == "cancelled"
    mortal.client.config_set("maxmemory", "0")
    await assert_well(client)


async def test_the_disk_of_redis_is_full(client: httpx.AsyncClient, mortal: Server) -> None:
    (mortal.directory / "dump.rdb").mkdir()
    mortal.client.config_set("save", "3600 1")
    mortal.client.bgsave()
    await wait_until(lambda: mortal.client.info("persistence")["rdb_last_bgsave_status"] == "err", "a failed save")
    await assert_refused(client, "storage_readonly")
    assert (await client.get("/api/jobs")).status_code == 200
    mortal.client.config_set("save", "")
    await assert_well(client)


async def test_redis_is_set_up_to_lose_jobs(client: httpx.AsyncClient, mortal: Server) -> None:
    mortal.client.config_set("maxmemory-policy", "allkeys-lru")
    mortal.client.config_set("maxmemory", "1gb")
    health = await client.get("/health")
    assert (health.status_code, body_of(health)["code"]) == (503, "misconfigured")
    assert "maxmemory-policy" in body_of(health)["detail"]
