"""The fleet and the queue at a glance."""

import httpx
import pytest

from emp_core.domain.worker import WorkerState
from emp_core.store import Store
from tests.hub.conftest import body_of
from tests.support.builders import register, submit


async def test_workers_are_listed_and_shown(hub: httpx.AsyncClient, store: Store) -> None:
    await register(store, "gpu1:0")
    await register(store, "gpu2:0", machine="gpu2")
    workers = body_of(await hub.get("/workers"))["workers"]
    assert [worker["worker_id"] for worker in workers] == ["gpu1:0", "gpu2:0"]
    worker = body_of(await hub.get("/api/workers/gpu2:0"))
    assert worker["worker"] == {name: worker[name] for name in worker["worker"]}
    assert (worker["status"], worker["machine"], worker["services"]) == ("ready", "gpu2", {"comfyui": "up"})
    assert worker["capabilities"]["gpu_memory_gb"] == 24


async def test_a_worker_that_went_is_shown_where_asked(hub: httpx.AsyncClient, store: Store) -> None:
    worker = await register(store)
    await store.registry.steer(worker.id, WorkerState.STOPPED, boot=worker.life.boot)
    assert body_of(await hub.get("/api/workers"))["workers"] == []
    assert [each["state"] for each in body_of(await hub.get("/api/workers?gone=true"))["workers"]] == ["stopped"]


@pytest.mark.parametrize(("order", "state"), [("pause", "paused"), ("drain", "draining")])
async def test_a_worker_is_steered(hub: httpx.AsyncClient, store: Store, order: str, state: str) -> None:
    worker = await register(store)
    await submit(store)
    answer = body_of(await hub.post(f"/api/workers/gpu1:0/{order}", json={"reason": "new cooler"}))
    assert (answer["state_before"], answer["state"], answer["reason"]) == ("ready", state, "new cooler")
    assert await worker.claim() is None
    answer = body_of(await hub.post("/api/workers/gpu1:0/resume"))
    assert (answer["state_before"], answer["state"], answer["reason"]) == (state, "ready", "")
    assert await worker.claim() is not None


async def test_steering_nobody_is_404_and_a_bad_reason_422(hub: httpx.AsyncClient, store: Store) -> None:
    await register(store)
    assert (await hub.post("/api/workers/nobody/pause")).status_code == 404
    for reason in ("a\x1b[31m", "x" * 300, 7):
        assert (await hub.post("/api/workers/gpu1:0/pause", json={"reason": reason})).status_code == 422


async def test_what_a_worker_skips(hub: httpx.AsyncClient, store: Store) -> None:
    await register(store)
    await submit(store)
    await submit(store, requirements={"gpu_memory_gb": 80})
    told = body_of(await hub.get("/api/workers/gpu1:0/explain"))
    assert (len(told["takes"]), len(told["skips"])) == (1, 1)
    assert told["skips"][0]["misses"][0]["field"] == "gpu_memory_gb"


async def test_the_queue_at_a_glance(hub: httpx.AsyncClient, store: Store) -> None:
    worker = await register(store)
    await submit(store)
    await submit(store, service="a1111")
    await worker.take()
    for path in ("/stats", "/api/stats"):
        stats = body_of(await hub.get(path))
        assert (stats["jobs"]["pending"], stats["jobs"]["active"], stats["jobs"]["total"]) == (1, 1, 2)
        assert stats["workers"] == {"ready": 1, "total": 1}
        assert (stats["slots"], stats["busy_slots"], stats["unworkable_jobs"]) == (1, 1, 1)
        assert stats["services"] == {"comfyui": 1}
        assert stats["queue_id"] == store.queue_id


async def test_health(hub: httpx.AsyncClient, store: Store) -> None:
    for path in ("/health", "/api/health"):
        answer = await hub.get(path)
        health = body_of(answer)
        assert (answer.status_code, health["status"], health["durability"]) == (200, "ok", "memory")
        assert (health["engine"], health["engine_version"]) == (store.server.engine, store.server.version)
        assert health["services"] == {"redis": "connected", "api": "running"}
