"""The queue as a whole over REST: groups, workflows, limits, minutes and events; and a job's place and outcome."""

from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from daemons.hub.settings import HubSettings
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.store import Store
from tests.hub.conftest import Call, body_of
from tests.support.builders import register, submit


@pytest.fixture
async def jobs(store: Store) -> None:
    """One that runs, one that waits behind it, and one that no worker can run."""
    worker = await register(store, models={"comfyui": ["flux"]})
    await submit(store, id="runs", customer_id="acme")
    await worker.take()
    await submit(store, id="waits", customer_id="acme", workflow_id="wf")
    await submit(store, id="never", customer_id="zoo", requirements={"services": ["comfyui"], "models": ["sdxl"]})


async def named(hub: httpx.AsyncClient, kind: str) -> dict[str, dict[str, Any]]:
    answer = await hub.get(f"/api/{kind}")
    assert answer.status_code == 200
    return {group["name"]: group for group in body_of(answer)[kind]}


@pytest.mark.usefixtures("jobs")
async def test_customers_show_what_waits_and_runs_and_what_is_offered(hub: httpx.AsyncClient) -> None:
    found = await named(hub, "customers")
    assert (found["acme"]["pending"], found["acme"]["running"], found["acme"]["unworkable"]) == (1, 1, 0)
    assert (found["acme"]["workers"], found["acme"]["slots"], found["acme"]["free"]) == (1, 1, 0)
    assert (found["zoo"]["pending"], found["zoo"]["unworkable"], found["zoo"]["workers"]) == (1, 1, 0)
    assert found["zoo"]["oldest_at"].endswith("Z")


@pytest.mark.usefixtures("jobs")
async def test_models_show_those_that_jobs_need_and_those_that_workers_list(hub: httpx.AsyncClient) -> None:
    found = await named(hub, "models")
    assert (found["sdxl"]["pending"], found["sdxl"]["workers"]) == (1, 0)
    assert (found["flux"]["pending"], found["flux"]["workers"]) == (0, 1)


@pytest.mark.usefixtures("jobs")
async def test_classes_show_what_their_jobs_need(hub: httpx.AsyncClient) -> None:
    found = await named(hub, "classes")
    needs = [group["requirements"] for group in found.values()]
    assert {"services": ["comfyui"], "models": ["sdxl"], "customer_id": "zoo"} in needs
    assert len(needs) == 2


@pytest.mark.usefixtures("jobs")
async def test_priority_of_a_workflow_moves_its_jobs(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/api/workflows/wf/priority", json={"priority": 80, "reason": "a demo"})
    assert (answer.status_code, body_of(answer)["moved"]) == (200, 1)
    assert (await named(hub, "workflows"))["wf"]["priority"] == 80
    assert body_of(await hub.get("/api/jobs/waits"))["priority"] == 80
    assert body_of(await hub.get("/api/audit"))["orders"][-1]["reason"] == "a demo"


@pytest.mark.parametrize("body", [{}, {"priority": 101}, {"priority": 1, "x": 1}])
async def test_wrong_priority_of_a_workflow_is_422(hub: httpx.AsyncClient, body: dict[str, int]) -> None:
    assert (await hub.post("/api/workflows/wf/priority", json=body)).status_code == 422


async def test_limit_is_set_read_and_taken_away(hub: httpx.AsyncClient) -> None:
    path = "/api/limits/customer:acme"
    assert (await hub.get(path)).status_code == 404
    assert body_of(await hub.put(path, json={"maximum": 3, "reason": "too many"}))["maximum"] == 3
    assert body_of(await hub.get(path))["maximum"] == 3
    assert body_of(await hub.get("/api/limits"))["limits"] == {"customer:acme": 3}
    assert body_of(await hub.delete(path))["maximum"] is None
    assert body_of(await hub.get("/api/limits"))["limits"] == {}
    verbs = [
        (order["verb"], order["after"], order["reason"]) for order in body_of(await hub.get("/api/audit"))["orders"]
    ]
    assert verbs == [("limit", "3", "too many"), ("limit", "none", "")]


@pytest.mark.parametrize(
    ("whose", "body", "field"),
    [
        ("customer:acme", {}, "maximum"),
        ("customer:acme", {"maximum": -1}, "maximum"),
        ("customer:acme", {"maximum": "x"}, "maximum"),
        ("acme", {"maximum": 1}, "whose"),
        ("customer:a b", {"maximum": 1}, "whose"),
    ],
)
async def test_wrong_limit_is_422(hub: httpx.AsyncClient, whose: str, body: dict[str, Any], field: str) -> None:
    answer = await hub.put(f"/api/limits/{whose}", json=body)
    assert (answer.status_code, body_of(answer)["field"]) == (422, field)


async def test_limits_are_set_by_operators_only(calling: Call) -> None:
    token = "secret-token-of-16"
    client = calling(HubSettings(ws_auth_token=SecretStr(token)), headers={"Authorization": f"Bearer {token}"})
    answers = [await client.put("/api/limits/customer:a", json={"maximum": 1}), await client.delete("/limits/class:a")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert (await client.get("/api/limits")).status_code == 200


@pytest.mark.usefixtures("jobs")
async def test_trend_counts_what_happened_in_each_minute(hub: httpx.AsyncClient) -> None:
    found = body_of(await hub.get("/api/trend", params={"minutes": 2}))
    assert sum(minute["submitted"] for minute in found["minutes"]) == 3
    assert sum(minute["started"] for minute in found["minutes"]) == 1
    assert all(len(minute["waits"]) == len(found["wait_bounds_ms"]) + 1 for minute in found["minutes"])


@pytest.mark.usefixtures("jobs")
async def test_events_are_the_newest_and_can_be_bounded_by_time(hub: httpx.AsyncClient) -> None:
    events = body_of(await hub.get("/api/events", params={"limit": 2}))["events"]
    assert [(event["name"], event["job"]) for event in events] == [("submitted", "waits"), ("submitted", "never")]
    since = {"since": events[-1]["at"]}
    assert [event["job"] for event in body_of(await hub.get("/api/events", params=since))["events"]][-1] == "never"
    assert body_of(await hub.get("/api/events", params={"until": "2026-01-01T00:00:00Z"}))["events"] == []
    assert body_of(await hub.get("/api/audit", params={"until": "2026-01-01T00:00:00Z"}))["orders"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/events?since=yesterday",
        "/api/events?since=1767225600",
        "/api/events?since=2026-01-01T00:00:00",
        "/api/trend?minutes=0",
    ],
)
async def test_wrong_time_or_number_is_422(hub: httpx.AsyncClient, path: str) -> None:
    assert (await hub.get(path)).status_code == 422


@pytest.mark.usefixtures("jobs")
async def test_position_counts_the_jobs_ahead(hub: httpx.AsyncClient, store: Store) -> None:
    await submit(store, id="later", customer_id="acme")
    found = {name: body_of(await hub.get(f"/api/jobs/{name}/position")) for name in ("waits", "later", "runs", "never")}
    ahead = {name: (each["ahead"], each["ahead_in_class"]) for name, each in found.items()}
    assert ahead == {"waits": (0, 0), "later": (1, 1), "runs": (None, None), "never": (None, 0)}
    assert found["never"]["message"] == "no live worker can run job never"
    assert found["waits"]["message"] == "no job is ahead of job waits"
    assert found["later"]["message"] == "1 job is ahead of job later"
    assert found["runs"]["message"] == "job runs is in no line: it is active"
    assert (await hub.get("/api/jobs/nobody/position")).status_code == 404


async def test_outcome_says_in_which_file_large_data_is(
    hub: httpx.AsyncClient, store: Store, artifacts: ObjectArtifacts
) -> None:
    worker, job_id = await register(store), await submit(store)
    assert body_of(await hub.get(f"/api/jobs/{job_id}/outcome"))["result"] is None
    file = await worker.complete_in_a_file(artifacts, await worker.take(), {"text": "x" * 1000})
    found = body_of(await hub.get(f"/api/jobs/{job_id}/outcome"))
    assert (found["state"], found["file"]["id"], found["result"]["data"]) == ("completed", file.id, None)
    assert [each["name"] for each in found["result"]["artifacts"]] == ["a.png"]
    assert (await hub.get("/api/jobs/nobody/outcome")).status_code == 404


async def test_version_and_capabilities_say_what_the_hub_is(hub: httpx.AsyncClient) -> None:
    version = body_of(await hub.get("/version"))
    able = body_of(await hub.get("/api/capabilities"))
    assert version["engine"] == "valkey"
    assert version["version"] == version["api_version"] == able["version"]
    assert able["job_types"]["text_to_image"] == ["a1111", "comfyui"]
    assert able["limits"]["max_batch_jobs"] == 10_000
    assert able["role"] == "operator"
    for verb in able["orders"]:
        assert (await hub.post(f"/api/jobs/{verb}", json={})).status_code == 422
