"""Health, models, strays, and what goes over the wire."""

import asyncio
import ssl
import uuid

import pytest
from websockets.exceptions import InvalidMessage

from daemons.simulation.comfyui import Answer, Fault, Faults, Options
from daemons.worker.connector import ServiceDown
from daemons.worker.connectors.comfyui import ComfyUI, ComfyUISettings
from daemons.worker.connectors.comfyui.api import ComfyUIApi
from daemons.worker.connectors.comfyui.events import SocketEvent, decode
from emp_core.clock import SystemClock
from emp_core.domain.gpu_memory import Gpu
from tests.support.comfyui import image, node, rig, saved, sleeping
from tests.support.waiting import wait_until


async def test_a_probe_reads_version_memory_queue_and_models() -> None:
    async with rig(faults=Faults(at={"1": Fault.WAIT})) as inner:
        inner.server.submit(sleeping())
        await inner.until_running("1")
        probe = await inner.connector.probe()
        assert (probe.version, probe.queue_length) == ("0.3.64", 1)
        assert probe.models is not None
        assert {"sd_xl_base_1.0.safetensors", "sdxl_vae.safetensors"} < set(probe.models)
        assert probe.detail["devices"][0]["memory_bytes"] == 24_000_000_000
        inner.server.release()


async def test_a_probe_tells_the_memory_of_gpus_and_not_of_a_cpu() -> None:
    async with rig(Options(gpu="RTX 4090")) as inner:
        assert (await inner.connector.probe()).gpus == (Gpu(24_000_000_000, 24_000_000_000),)
        inner.server.submit(saved(image()))

        async def is_half_full() -> bool:
            return (await inner.connector.probe()).gpus == (Gpu(24_000_000_000, 12_000_000_000),)

        await wait_until(is_half_full, "what the prompt made is in memory")
    async with rig() as inner:
        assert (await inner.connector.probe()).gpus == ()


async def test_models_come_from_the_folders_that_are_set_and_unknown_folders_are_empty() -> None:
    async with rig(model_folders=("checkpoints", "loras", "no-such")) as inner:
        models = (await inner.connector.probe()).models
        assert models is not None
        assert "detail.safetensors" in models


async def test_models_come_from_all_folders_unless_some_are_set() -> None:
    files = {"checkpoints": ("a",), "loras": ("b",), "custom_nodes": ("c.py",), "configs": ("d.yaml",)}
    async with rig(Options(models=files)) as inner:
        assert (await inner.connector.probe()).models == ("a", "b")
    async with rig(Options(models=files), model_folders=("loras",)) as inner:
        assert (await inner.connector.probe()).models == ("b",)
    async with rig(Options(models=files), Faults(answers={"/models": [Answer.MISSING]})) as inner:
        assert (await inner.connector.probe()).models == ()


@pytest.mark.parametrize("answer", [Answer.ERROR, Answer.BAD_JSON, Answer.GATEWAY, Answer.MISSING])
async def test_a_server_that_answers_nonsense_is_down(answer: Answer) -> None:
    async with rig(faults=Faults(answers={"/system_stats": [answer]})) as inner:
        with pytest.raises(ServiceDown):
            await inner.connector.probe()


@pytest.mark.parametrize("version", ["0.3.40", "0.3.64", "0.38.1"])
async def test_a_sweep_stops_this_worker_s_prompts_and_nobody_else_s(version: str) -> None:
    async with rig(Options(version=version), Faults(at={"1": Fault.WAIT})) as inner:
        mine = {"worker": "box:0", "attempt": 1}
        strays = [inner.server.submit(sleeping(seed=n), extra={"emp": {**mine, "job": f"stray{n}"}}) for n in range(3)]
        owned = inner.server.submit(sleeping(seed=9), extra={"emp": {**mine, "job": "owned"}})
        other = inner.server.submit(sleeping(seed=8), extra={"emp": {"worker": "box:1", "job": "x"}})
        person = inner.server.submit(sleeping(seed=7))
        await inner.until_running("1")
        assert await inner.connector.sweep(frozenset({"owned"})) == len(strays)
        left = {inner.server.running, *inner.server.pending}
        assert left == {owned, other, person}


async def test_a_sweep_does_not_count_what_it_cannot_stop() -> None:
    async with rig(faults=Faults(at={"1": Fault.HANG}), cancel_seconds=0.1) as inner:
        inner.server.submit(saved(image()), extra={"emp": {"worker": "box:0", "job": "stray"}})
        await inner.until_running("1")
        assert await inner.connector.sweep(frozenset()) == 0
        inner.server.release()


async def test_a_sweep_of_a_server_that_is_away_says_so() -> None:
    async with rig() as inner:
        await inner.server.crash()
        with pytest.raises(ServiceDown):
            await inner.connector.sweep(frozenset())


async def heard(settings: dict[str, object]) -> list[bytes]:
    """The heads of the requests that a probe and a run send."""
    heads: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        chosen = ComfyUISettings.model_validate({"url": f"http://127.0.0.1:{port}/base", **settings})
        connector = ComfyUI(chosen, worker_id="box:0", clock=SystemClock())
        with pytest.raises(ServiceDown):
            await connector.probe()
        with pytest.raises(InvalidMessage):
            async with ComfyUIApi(chosen, uuid.uuid4).listen("me"):
                pass
        await connector.close()
    return heads


async def test_headers_go_with_requests_and_with_the_handshake_and_no_origin_does() -> None:
    heads = await heard({"headers": {"X-API-Key": "secret"}})
    assert [head.split(b" ")[1] for head in heads] == [b"/base/system_stats", b"/base/ws?clientId=me"]
    for head in heads:
        assert b"x-api-key: secret" in head.lower()
        assert b"origin:" not in head.lower()


def test_certificates_are_checked_unless_told_otherwise() -> None:
    for verify, mode in ((True, ssl.CERT_REQUIRED), (False, ssl.CERT_NONE)):
        api = ComfyUIApi(ComfyUISettings(url="https://gpu1", verify=verify), uuid.uuid4)
        assert api.tls is not None
        assert api.tls.verify_mode is mode
    assert ComfyUIApi(ComfyUISettings(), uuid.uuid4).tls is None


def test_text_frames_of_progress_are_passed_over() -> None:
    assert decode(b"\0\0\0\x03\0\0\0\x015text") is None
    assert decode('{"type": "logs", "data": {}}') == SocketEvent("logs", "", {})


async def test_a_graph_of_many_nodes_waits_behind_its_links() -> None:
    async with rig() as inner:
        graph = {"1": image(), **{str(n): node("ImageInvert", image=[str(n - 1), 0]) for n in range(2, 60)}}
        graph["60"] = node("SaveImage", images=["59", 0], filename_prefix="deep")
        assert (await inner.run(graph)).artifacts
        await wait_until(lambda: inner.server.running is None, "rest")
