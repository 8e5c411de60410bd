"""Somebody changed a record in Redis by hand: it is shown as far as it can be read, and hides nothing else."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from emp_core.store import Store
from tests.hub.conftest import body_of
from tests.support.builders import register, submit

pytestmark = pytest.mark.damages

Damage = Callable[[Store, str], Awaitable[object]]


def another_type(name: str) -> Damage:
    async def damage(store: Store, _: str) -> None:
        key = store.link.key(name)
        await store.link.call("DEL", key)
        await store.link.call("SET", key, "not a hash")

    return damage


def field(name: str, value: str | bytes) -> Damage:
    async def damage(store: Store, key: str) -> None:
        await store.link.call("HSET", store.link.key(key), name, value)

    return damage


WORKER_DAMAGES = [
    another_type("worker:gpu1:0"),
    field("state", "asleep"),
    field("slots", "many"),
    field("services", "comfyui"),
    field("info", "{bad"),
    field("info", "[1]"),
    field("beat", "9" * 30),
    field("started", "-1"),
]


@pytest.mark.parametrize("damage", WORKER_DAMAGES)
async def test_a_damaged_worker_is_lost_and_hides_nobody(hub: httpx.AsyncClient, store: Store, damage: Damage) -> None:
    await register(store)
    await register(store, "gpu2:0", machine="gpu2")
    await damage(store, "worker:gpu1:0")
    workers = body_of(await hub.get("/api/workers"))["workers"]
    shown = {worker["id"]: (worker["state"], worker["reason"]) for worker in workers}
    assert shown == {"gpu1:0": ("lost", "its record in Redis is damaged"), "gpu2:0": ("ready", "")}
    assert body_of(await hub.get("/api/workers/gpu1:0"))["state"] == "lost"
    assert body_of(await hub.get("/api/stats"))["workers"] == {"lost": 1, "ready": 1, "total": 2}
    job_id = await submit(store)
    assert (await hub.get(f"/api/jobs/{job_id}/explain")).status_code == 200


@pytest.mark.parametrize("text", ["{bad", "[]", "5", '{"gpu_count":"x"}', '{"odd":1}', b"\xff"])
async def test_so_is_one_whose_profile_is_damaged(hub: httpx.AsyncClient, store: Store, text: str | bytes) -> None:
    await register(store)
    profile = (await store.inspector.worker("gpu1:0")).profile_id
    await field("capabilities", text)(store, f"profile:{profile}")
    assert [worker["state"] for worker in body_of(await hub.get("/api/workers"))["workers"]] == ["lost"]
    await another_type(f"profile:{profile}")(store, "")
    assert [worker["state"] for worker in body_of(await hub.get("/api/workers"))["workers"]] == ["lost"]


async def test_a_worker_whose_jobs_cannot_be_read_is_shown(hub: httpx.AsyncClient, store: Store) -> None:
    await register(store)
    await another_type("jobs:active:gpu1:0")(store, "")
    (worker,) = body_of(await hub.get("/api/workers"))["workers"]
    assert (worker["state"], worker["active"]) == ("ready", [])


@pytest.mark.parametrize("text", ["{bad", "[1]", "5", "", b"\xff", '{"state":"completed","id":"other"}'])
async def test_a_damaged_payload_hides_no_job(hub: httpx.AsyncClient, store: Store, text: str | bytes) -> None:
    job_id = await submit(store)
    await store.link.call("SET", store.link.key(f"job.payload:{job_id}"), text)
    job = body_of(await hub.get(f"/api/jobs/{job_id}"))
    assert (job["id"], job["state"], job["payload"], job["payload_url"]) == (job_id, "pending", None, None)


@pytest.mark.parametrize("text", ["{bad", "[1]", b"\xff"])
async def test_a_damaged_failure_hides_no_job(hub: httpx.AsyncClient, store: Store, text: str | bytes) -> None:
    worker = await register(store)
    job_id = await submit(store)
    await worker.fail(await worker.take(), retryable=False)
    await store.link.call("SET", store.link.key(f"job.result:{job_id}"), text)
    await store.link.call(
        "RPUSH", store.link.key(f"job.attempts:{job_id}"), "no attempt", b"1 \xff 1 9e9 x", "1 w 1 x y"
    )
    for path in (f"/api/jobs/{job_id}", f"/api/jobs/{job_id}/result"):
        told = body_of(await hub.get(path))
        assert (told["state"], told["failure"], told["error"]) == ("failed", None, "permanent")
    assert len(body_of(await hub.get(f"/api/jobs/{job_id}/attempts"))["attempts"]) == 1


JOB_DAMAGES = [
    field("gen", "1.5"),
    field("ver", "9" * 5_000),
    field("failures", "1e+99"),
    field("due", "9" * 30),
    field("due", "-99999999999999999"),
    field("ended", "1e+99"),
    field("spec", "class 1.5 3 digest"),
    field("spec", b"\xff"),
]


@pytest.mark.parametrize("damage", JOB_DAMAGES)
async def test_a_damaged_number_hides_no_job(hub: httpx.AsyncClient, store: Store, damage: Damage) -> None:
    job_id, other = await submit(store), await submit(store)
    await damage(store, f"job:{job_id}")
    assert body_of(await hub.get(f"/api/jobs/{job_id}"))["status"] == "corrupt"
    jobs = body_of(await hub.get("/api/jobs"))["jobs"]
    assert {job["id"]: job["status"] for job in jobs} == {job_id: "corrupt", other: "pending"}


@pytest.mark.parametrize("text", ["{bad", "[]", '{"odd":1}', b"\xff"])
async def test_a_damaged_class_hides_no_other(hub: httpx.AsyncClient, store: Store, text: str | bytes) -> None:
    job_id, other = await submit(store), await submit(store, priority=10, requirements={"gpu_memory_gb": 1})
    name = f"class:{(await store.inspector.job(job_id)).class_id}"
    for damage in (field("requirements", text), another_type(name)):
        await damage(store, name)
        jobs = body_of(await hub.get("/api/jobs"))["jobs"]
        assert {job["id"]: job["status"] for job in jobs} == {job_id: "corrupt", other: "pending"}
