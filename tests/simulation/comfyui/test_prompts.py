"""Ids, the queue's order, deletes, interrupts and jobs of the simulated server."""

import uuid
from typing import Any

import pytest

from daemons.simulation.comfyui import Fault, Faults, Options
from tests.simulation.comfyui.client import Client, is_end, talking
from tests.support.comfyui import image, saved, sleeping
from tests.support.waiting import wait_until

NEW = Options(version="0.38.1")


def busy() -> Faults:
    return Faults(at={"1": Fault.WAIT})


async def fill(client: Client, count: int) -> list[str]:
    """One prompt that runs, and more that wait."""
    ids = [(await client.post(sleeping(seed=number))).json()["prompt_id"] for number in range(count)]
    await wait_until(lambda: client.server.running is not None, "work")
    return ids


@pytest.mark.parametrize(
    ("sent", "kept"), [("job:01HX/abc", "job:01HX/abc"), (None, "None"), (17, "17")], ids=["any text", "null", "number"]
)
async def test_server_0_3_64_takes_any_prompt_id(sent: Any, kept: str) -> None:
    async with talking() as client:
        assert (await client.post(saved(image()), prompt_id=sent)).json()["prompt_id"] == kept


async def test_the_same_prompt_id_runs_twice_and_its_history_is_overwritten() -> None:
    async with talking() as client:
        await client.run(saved(image(1)), prompt_id="twice")
        await client.run(saved(image(2)), prompt_id="twice")
        entry = (await client.history("twice"))["twice"]
        assert entry["prompt"][2]["1"]["inputs"]["color"] == 2


async def test_the_same_id_and_number_answers_500_and_is_queued_all_the_same() -> None:
    async with talking(faults=busy()) as client:
        await fill(client, 1)
        first = await client.post(saved(image(1)), prompt_id="same", number=5)
        second = await client.post(saved(image(2)), prompt_id="same", number=5)
        assert (first.status_code, second.status_code) == (200, 500)
        assert client.server.pending == ["same", "same"]


async def test_server_0_3_44_ignores_the_client_s_id() -> None:
    async with talking(Options(version="0.3.44")) as client:
        assert (await client.post(saved(image()), prompt_id="mine")).json()["prompt_id"] != "mine"


@pytest.mark.parametrize("sent", ["job", "A" * 32, "9F3CF2A2-3D0C-5B0E-8F0A-4C1D6A6F2E11", 17])
async def test_server_0_38_refuses_ids_that_are_no_canonical_uuids(sent: Any) -> None:
    async with talking(NEW) as client:
        answer = await client.post(saved(image()), prompt_id=sent)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_prompt_id")


async def test_server_0_38_mints_an_id_for_null() -> None:
    async with talking(NEW) as client:
        minted = (await client.post(saved(image()), prompt_id=None)).json()["prompt_id"]
        assert str(uuid.UUID(minted)) == minted


async def test_the_queue_is_shown_in_heap_order_and_front_goes_first() -> None:
    async with talking(faults=busy()) as client:
        ids = await fill(client, 5)
        front = (await client.post(sleeping(), front=True)).json()
        queue = (await client.http.get("/queue")).json()
        shown = [item[0] for item in queue["queue_pending"]]
        assert [item[1] for item in queue["queue_running"]] == [ids[0]]
        assert front["number"] == shown[0] == -5
        assert shown != sorted(shown)
        assert client.server.pending == [front["prompt_id"], *ids[1:]]


async def test_delete_takes_out_what_waits_and_answers_200_to_anything() -> None:
    async with talking(faults=busy()) as client:
        running, waiting = await fill(client, 2)
        answer = await client.http.post("/queue", json={"delete": [running, waiting, "unknown"]})
        assert (answer.status_code, answer.content) == (200, b"")
        assert (client.server.running, client.server.pending) == (running, [])
        assert await client.history(waiting) == {}


async def test_an_interrupt_of_another_id_does_nothing() -> None:
    async with talking(faults=busy()) as client:
        running, waiting = await fill(client, 2)
        assert (await client.http.post("/interrupt", json={"prompt_id": waiting})).status_code == 200
        assert (await client.http.get("/prompt")).json() == {"exec_info": {"queue_remaining": 2}}
        assert client.server.running == running


async def test_server_0_3_56_interrupts_whatever_runs() -> None:
    async with talking(Options(version="0.3.56"), busy()) as client:
        running, waiting = await fill(client, 2)
        await client.http.post("/interrupt", json={"prompt_id": waiting})
        await wait_until(lambda: running in client.server.history, "the end of the wrong one")


async def test_an_idle_interrupt_is_forgotten() -> None:
    async with talking() as client:
        await client.http.post("/interrupt")
        prompt_id, _ = await client.run(saved(image()))
        assert (await client.history(prompt_id))[prompt_id]["status"]["completed"] is True


async def test_a_deaf_last_node_ends_in_success_although_it_was_interrupted() -> None:
    async with talking(faults=Faults(at={"2": Fault.HANG}, deaf=True)) as client:
        prompt_id = (await client.post(saved(image()))).json()["prompt_id"]
        await wait_until(lambda: client.server.node == "2", "the last node")
        await client.http.post("/interrupt", json={"prompt_id": prompt_id})
        client.server.release()
        await client.until(is_end)
        assert client.server.history[prompt_id]["status"]["status_str"] == "success"


async def test_pages_of_the_history() -> None:
    async with talking() as client:
        ids = [(await client.run(saved(image(color))))[0] for color in range(3)]
        newest = (await client.http.get("/history", params={"max_items": 1})).json()
        assert list(newest) == ids[2:]
        await client.http.post("/history", json={"delete": ids[:1]})
        assert list((await client.http.get("/history")).json()) == ids[1:]


async def test_private_keys_do_not_reach_the_history_and_other_extra_data_does() -> None:
    async with talking() as client:
        extra = {"api_key_comfy_org": "secret", "emp": {"job": "j"}}
        prompt_id, _ = await client.run(saved(image()), extra_data=extra)
        kept = (await client.history(prompt_id))[prompt_id]["prompt"][3]
        assert kept == {"emp": {"job": "j"}, "client_id": "me"}


async def test_jobs_of_newer_servers_tell_pending_running_cancelled_and_completed() -> None:
    async with talking(NEW, busy()) as client:
        running, waiting = await fill(client, 2)
        states = {job["id"]: job["status"] for job in (await client.http.get("/api/jobs")).json()["jobs"]}
        assert states == {running: "in_progress", waiting: "pending"}
        for prompt_id in (waiting, running):
            assert (await client.http.post(f"/api/jobs/{prompt_id}/cancel")).json() == {"cancelled": True}
        assert (await client.http.get(f"/api/jobs/{waiting}")).status_code == 404
        await wait_until(lambda: client.server.running is None, "the interrupt")
        client.server.faults.at = {}
        done, _ = await client.run(saved(image()))
        assert (await client.http.get(f"/api/jobs/{running}")).json()["status"] == "cancelled"
        shown = (await client.http.get(f"/api/jobs/{done}")).json()
        assert (shown["status"], shown["outputs_count"]) == ("completed", 1)
        page = (await client.http.get("/api/jobs", params={"status": "completed"})).json()
        assert [job["id"] for job in page["jobs"]] == [done]
        assert page["pagination"] == {"offset": 0, "limit": 1, "total": 1, "has_more": False}
        assert (await client.http.post("/api/jobs/cancel", json={"job_ids": ["no"]})).status_code == 400
        assert (await client.http.post("/api/jobs/cancel", json={"job_ids": [done]})).json() == {"cancelled": []}
