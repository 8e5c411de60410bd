"""Silences, stalls, crashes: what real servers were seen to do, on order."""

import asyncio
import json

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from daemons.simulation.comfyui import Answer, Fault, Faults, Options, SimulatedComfyUI
from tests.simulation.comfyui.client import Client, is_end, socket_url, talking
from tests.support.comfyui import failing, image, saved, sleeping, txt2img, workflow
from tests.support.waiting import wait_until

BRIEFLY = httpx.Timeout(None, read=0.1)
"""For an answer that does not come: the request itself may take its time."""


async def silent(client: Client) -> bool:
    """Whether the socket says nothing while a prompt runs to its end."""
    prompt_id = (await client.post(saved(image(7)))).json()["prompt_id"]
    await wait_until(lambda: prompt_id in client.server.history, "the end")
    try:
        async with asyncio.timeout(0.1):
            await client.next()
    except TimeoutError:
        return True
    return False


async def test_a_crash_resets_the_socket_and_forgets_queue_history_and_temp_files() -> None:
    async with talking(faults=Faults(at={"KSampler": Fault.CRASH})) as client:
        prompt_id, _ = await client.run(workflow("e_two_outputs"))
        await client.post(txt2img())
        with pytest.raises(ConnectionClosedError) as closed:
            await client.until(is_end)
        assert (closed.value.rcvd, closed.value.sent) == (None, None)
        with pytest.raises(httpx.ConnectError):
            await client.http.get("/prompt")
        await client.server.start()
        assert (await client.http.get("/queue")).json() == {"queue_running": [], "queue_pending": []}
        assert await client.history(prompt_id) == {}
        kept = await client.http.get("/view", params={"filename": "two_a_00001_.png"})
        gone = await client.http.get("/view", params={"filename": "ComfyUI_temp_simul_00001_.png", "type": "temp"})
        assert (kept.status_code, gone.status_code) == (200, 404)


async def test_a_server_comes_back_by_itself_when_told_to() -> None:
    async with talking(faults=Faults(down=0.01)) as client:
        await client.server.crash()
        await wait_until(lambda: client.server.is_up, "the next life")
        assert (await client.http.get("/prompt")).status_code == 200


async def test_a_server_comes_back_though_its_crash_is_not_over_yet() -> None:
    async with SimulatedComfyUI(faults=Faults(at={"1": Fault.CRASH})) as server:
        server.submit(sleeping())
        await server._machine.ended.wait()
        await server.start()
        assert server.is_up
        assert server.running is None


async def test_events_of_prompts_without_a_client_reach_every_socket_only_in_part() -> None:
    async with talking() as client:
        client.server.submit(sleeping(2, preview=True))
        frames = await client.until(lambda frame: frame["type"] == "status" and _remaining(frame) == 0)
        kinds = {frame["type"] for frame in frames if isinstance(frame, dict)}
        assert kinds == {"status", "progress", "progress_state"}
        assert any(isinstance(frame, bytes) and frame[3] == 1 for frame in frames)


def _remaining(frame: dict[str, dict[str, dict[str, dict[str, int]]]]) -> int:
    return frame["data"]["status"]["exec_info"]["queue_remaining"]


async def test_interrupts_of_prompts_without_a_client_are_broadcast() -> None:
    async with talking(faults=Faults(at={"1": Fault.INTERRUPT})) as client:
        prompt_id = client.server.submit(sleeping())
        frames = await client.until(lambda frame: frame["type"] == "execution_interrupted")
        assert frames[-1]["data"]["prompt_id"] == prompt_id  # type: ignore[call-overload]


async def test_the_end_of_an_old_socket_silences_the_new_one_of_the_same_client() -> None:
    async with talking() as client, connect(socket_url(client.server)) as newer:
        await newer.recv()
        await client.socket.close()
        client.socket = newer
        assert await silent(client)
        assert await (await newer.ping()) >= 0


async def test_a_socket_that_comes_mid_run_is_told_the_node_without_its_prompt() -> None:
    async with talking(faults=Faults(at={"1": Fault.WAIT})) as client:
        await client.post(sleeping())
        await wait_until(lambda: client.server.node == "1", "the node")
        await client.socket.close()
        async with connect(socket_url(client.server)) as late:
            assert json.loads(await late.recv())["type"] == "status"
            assert json.loads(await late.recv()) == {"type": "executing", "data": {"node": "1"}}


async def test_one_socket_that_is_not_read_stalls_the_events_of_all() -> None:
    async with talking() as client:
        async with connect(socket_url(client.server, "lazy"), max_size=None, max_queue=1) as lazy:
            lazy.transport.pause_reading()
            await client.http.post("/prompt", json=_text(9_000_000, "lazy"))
            await wait_until(lambda: client.server.running is None, "the end")
            assert await _nothing_but_status(client)
            lazy.transport.abort()
        frames = [await client.next()]
        assert frames


def _text(size: int, client_id: str) -> dict[str, object]:
    return {"prompt": {"1": {"class_type": "TBText", "inputs": {"text": "", "size": size}}}, "client_id": client_id}


async def _nothing_but_status(client: Client) -> bool:
    kinds = []
    try:
        async with asyncio.timeout(0.1):
            while True:
                frame = await client.next()
                kinds.append(frame["type"] if isinstance(frame, dict) else "binary")
    except TimeoutError:
        return len(kinds) <= 2 and set(kinds) <= {"status"}


async def test_stalled_events_come_late_and_all_together() -> None:
    async with talking(faults=Faults(at={"1": Fault.STALL})) as client:
        assert await silent_until_released(client)


async def silent_until_released(client: Client) -> bool:
    prompt_id = (await client.post(saved(image()))).json()["prompt_id"]
    await wait_until(lambda: prompt_id in client.server.history, "the end")
    client.server.release()
    frames = await client.until(is_end)
    return len(frames) > 5


async def test_a_hogged_server_answers_neither_http_nor_pings_until_it_is_released() -> None:
    async with talking(faults=Faults(at={"1": Fault.HOG})) as client:
        await client.post(saved(image()))
        await wait_until(lambda: client.server.node == "1", "the node")
        with pytest.raises(httpx.ReadTimeout):
            await client.http.get("/prompt", timeout=BRIEFLY)
        pong = await client.socket.ping()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.shield(pong)
        client.server.release()
        await pong
        await client.until(is_end)


async def test_lost_sockets_do_not_stop_the_work() -> None:
    async with talking(faults=Faults(at={"1": Fault.LOSE_SOCKETS})) as client:
        prompt_id = (await client.post(saved(image()))).json()["prompt_id"]
        await wait_until(lambda: prompt_id in client.server.history, "the end")
        assert client.server.history[prompt_id]["status"]["completed"] is True


async def test_a_blocked_branch_sends_an_error_and_the_run_succeeds() -> None:
    async with talking() as client:
        graph = {**failing("blocked"), "3": {"class_type": "TBText", "inputs": {"text": "t", "size": 0}}}
        prompt_id, frames = await client.run(graph)
        assert any(isinstance(frame, dict) and frame["type"] == "execution_error" for frame in frames)
        entry = (await client.history(prompt_id))[prompt_id]
        assert (entry["status"]["status_str"], entry["outputs"]) == ("success", {"3": {"text": ["t"]}})


async def test_success_is_told_before_the_history_is_written() -> None:
    may_write = asyncio.Event()

    async def sleep(seconds: float) -> None:
        if seconds:
            await may_write.wait()

    async with talking(Options(history_lag=1), sleep=sleep) as client:
        prompt_id = (await client.post(saved(image()))).json()["prompt_id"]
        await client.until(lambda frame: frame["type"] == "execution_success")
        assert await client.history(prompt_id) == {}
        may_write.set()
        await client.until(is_end)
        assert prompt_id in await client.history(prompt_id)


async def test_bad_answers_are_given_once_each() -> None:
    async with talking() as client:
        client.server.faults.answers["/prompt"] = [Answer.ERROR, Answer.MISSING, Answer.BAD_JSON, Answer.GATEWAY]
        answers = [await client.http.get("/api/prompt") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [500, 404, 200, 502, 200]
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            answers[2].json()


async def test_a_silent_answer_has_its_effect() -> None:
    async with talking(faults=Faults(answers={"/prompt": [Answer.SILENT]})) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.http.post("/prompt", json={"prompt": saved(image())}, timeout=BRIEFLY)
        await wait_until(lambda: bool(client.server.history), "the prompt that nobody was told of")


async def test_requests_fail_at_the_rate_that_is_ordered() -> None:
    async with talking(faults=Faults(errors=0.5)) as client:
        statuses = [(await client.http.get("/prompt")).status_code for _ in range(40)]
        assert {200, 500} == set(statuses)


async def test_a_stranger_s_prompt_comes_in_between() -> None:
    async with talking(faults=Faults(at={"EmptyImage": Fault.STRANGER})) as client:
        await client.run(saved(image()))
        await wait_until(lambda: len(client.server.history) == 2, "the stranger's prompt")


async def test_the_same_seed_draws_the_same_faults() -> None:
    async def fates(seed: int) -> list[str]:
        faults = Faults(rates={Fault.ERROR: 0.3, Fault.OUT_OF_MEMORY: 0.2})
        async with SimulatedComfyUI(faults=faults, seed=seed) as server:
            ids = [server.submit(saved(image(number))) for number in range(20)]
            await wait_until(lambda: len(server.history) == len(ids), "the end")
            return [server.history[each]["status"]["status_str"] for each in ids]

    first = await fates(1)
    assert first == await fates(1)
    assert set(first) == {"success", "error"}
    assert first != await fates(2)


async def test_fifty_servers_live_in_one_process() -> None:
    servers = [SimulatedComfyUI() for _ in range(50)]
    async with asyncio.TaskGroup() as group:
        for number, server in enumerate(servers):
            group.create_task(_live(server, number))


async def _live(server: SimulatedComfyUI, number: int) -> None:
    async with server:
        prompt_id = server.submit(txt2img(seed=number))
        await wait_until(lambda: prompt_id in server.history, "the end")
