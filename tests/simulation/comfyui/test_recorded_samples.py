"""The simulated server against what a real one was seen to answer: same statuses, shapes, words and orders."""

import json
import struct
from typing import Any

import pytest

from daemons.simulation.comfyui import Fault, Faults, Options
from tests.simulation.comfyui.client import Frame, talking
from tests.support.comfyui import failing, image, node, samples, saved, sleeping, workflow

SAMPLES = samples()


def shape(value: Any) -> Any:
    """Keys and types, without values; lists by the shapes in them."""
    match value:
        case dict():
            return {key: shape(inner) for key, inner in value.items()}
        case list():
            return sorted({repr(shape(inner)) for inner in value})
        case bool() | None:
            return value
        case int() | float():
            return "number"
        case _:
            return "text"


def told(frames: list[Any]) -> list[tuple[str, Any, Any]]:
    """Kind, node and shape of each frame."""
    return [_told(frame) for frame in frames if isinstance(frame, bytes) or "..." not in frame]


def _told(frame: Any) -> tuple[str, Any, Any]:
    if isinstance(frame, bytes):
        return "binary", int.from_bytes(frame[:4], "big"), ""
    if frame.get("binary"):
        return "binary", frame["event"], ""
    data = dict(frame["data"])
    return frame["type"], data.get("node", data.get("node_id")), shape(data)


def recorded(name: str) -> list[tuple[str, Any, Any]]:
    """The frames of a sample, without the greeting."""
    frames = SAMPLES[name]
    return told([frame for frame in frames if "sid" not in str(frame.get("data", ""))])


async def test_a_run_sends_the_recorded_events_in_the_recorded_order() -> None:
    async with talking() as client:
        _, frames = await client.run(workflow("a_multistep"))
        assert told(frames) == recorded("WS fast run")


async def test_a_cached_run_repeats_the_outputs_and_executes_nothing() -> None:
    async with talking() as client:
        await client.run(workflow("a_multistep"))
        _, frames = await client.run(workflow("a_multistep"))
        assert told(frames) == recorded("WS same prompt again (all cached)")


async def test_a_partly_cached_run_executes_only_what_changed() -> None:
    changed = workflow("a_multistep")
    changed["5"]["inputs"]["filename_prefix"] = "other"
    async with talking() as client:
        await client.run(workflow("a_multistep"))
        _, frames = await client.run(changed)
        assert told(frames) == recorded("WS partly cached (only SaveImage changed)")


async def test_progress_and_plain_previews_alternate_as_recorded() -> None:
    async with talking() as client:
        _, frames = await client.run(sleeping(5, preview=True))
        assert told(frames) == recorded("WS progress + binary preview (no feature flags)")


async def test_previews_name_their_prompt_and_node_if_the_client_asks_for_it() -> None:
    async with talking(flags=True) as client:
        prompt_id, frames = await client.run(sleeping(2, preview=True))
        frame = next(frame for frame in frames if isinstance(frame, bytes))
        kind, size = struct.unpack_from(">II", frame)
        label = json.loads(frame[8 : 8 + size])
        assert kind == 4
        assert (label["prompt_id"], label["node_id"]) == (prompt_id, "1")
        assert shape(label) == shape(SAMPLES["WS binary event 4 (preview, with the feature flag)"][0]["meta"])


async def test_images_over_the_socket_come_as_recorded_and_leave_no_outputs() -> None:
    async with talking() as client:
        graph = {
            "1": image(),
            "2": node("ImageInvert", image=["1", 0]),
            "3": node("SaveImageWebsocket", images=["2", 0]),
        }
        prompt_id, frames = await client.run(graph)
        assert told(frames) == recorded("WS SaveImageWebsocket")
        assert (await client.history(prompt_id))[prompt_id]["outputs"] == {}


@pytest.mark.parametrize(("name", "kind"), [("d_fail_oom", "oom"), ("d_fail_runtime", "runtime")])
async def test_a_failing_node_ends_the_run_as_recorded(name: str, kind: str) -> None:
    async with talking() as client:
        prompt_id, frames = await client.run(failing(kind))
        kinds = [frame["type"] for frame in frames if isinstance(frame, dict)]
        assert kinds == [frame["type"] for frame in SAMPLES[f"WS {name}"] if "sid" not in str(frame)]
        entry = (await client.history(prompt_id))[prompt_id]
        assert list(entry) == list(SAMPLES[f"history {name}"])
        assert entry["status"]["status_str"] == "error"
        error, seen = entry["status"]["messages"][-1][1], SAMPLES[f"history {name}"]["status"]["messages"][-1][1]
        assert list(error) == list(seen)
        assert error["exception_type"] == seen["exception_type"]


async def test_an_interrupt_sends_the_recorded_events() -> None:
    async with talking(faults=Faults(at={"1": Fault.WAIT})) as client:
        prompt_id = (await client.post(sleeping(3))).json()["prompt_id"]
        await client.until(lambda frame: frame["type"] == "executing")
        await client.http.post("/interrupt", json={"prompt_id": prompt_id})
        frames = await client.until(lambda frame: frame["type"] == "executing")
        assert told(frames) == recorded("WS after interrupt")[:3]
        entry = (await client.history(prompt_id))[prompt_id]
        assert shape(entry["status"]["messages"][-1]) == shape(SAMPLES["history interrupted"]["status"]["messages"][-1])


async def test_the_history_of_two_outputs_has_files_temp_files_and_texts() -> None:
    async with talking() as client:
        prompt_id, _ = await client.run(workflow("e_two_outputs"))
        entry = (await client.history(prompt_id))[prompt_id]
        seen = SAMPLES["history two outputs: outputs+status"]
        assert shape(entry["outputs"]) == shape(seen["outputs"])
        assert shape(entry["status"]) == shape(seen["status"])
        assert shape(entry["meta"]) == shape(seen["meta"])


GETS = {
    "GET /prompt (idle)": "/prompt",
    "GET /features": "/features",
    "GET /object_info/SaveImage": "/object_info/SaveImage",
    "GET /object_info/NoSuch": "/object_info/NoSuch",
    "GET /models": "/models",
    "GET /models/nosuch": "/models/nosuch",
    "GET /embeddings": "/embeddings",
    "GET /api/prompt (api prefix alias)": "/api/prompt",
    "GET /queue (idle)": "/queue",
    "GET /history/<unknown>": "/history/00000000-0000-0000-0000-000000000000",
    "GET /system_stats": "/system_stats",
    "GET /api/jobs (0.3.64: absent)": "/api/jobs",
}


@pytest.mark.parametrize("name", GETS)
async def test_gets_answer_in_the_recorded_shape(name: str) -> None:
    async with talking() as client:
        answer = await client.http.get(GETS[name])
        seen = SAMPLES[name]
        assert answer.status_code == seen["status"]
        if "json" in seen["content_type"]:
            assert answer.headers["content-type"] == seen["content_type"]
            assert shape(answer.json()) == shape(seen["body"])


INVALID = {
    "c_invalid_bad_link": {
        "1": node("ImageInvert", image=["99", 0]),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    },
    "c_invalid_missing_input": workflow("c_invalid_missing_input"),
    "c_invalid_missing_model": {
        "1": node("CheckpointLoaderSimple", ckpt_name="no-such.safetensors"),
        "2": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "3": node("VAEDecode", samples=["2", 0], vae=["1", 2]),
        "4": node("SaveImage", images=["3", 0], filename_prefix="x"),
    },
    "c_invalid_no_outputs": {"1": image()},
    "c_invalid_type_mismatch": {
        "1": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "2": node("SaveImage", images=["1", 0], filename_prefix="x"),
    },
    "c_invalid_unknown_node": workflow("c_invalid_unknown_node"),
    "c_invalid_value": {
        "1": node("EmptyImage", width=9999999, height=64, batch_size=1, color=0),
        "2": node("ImageScale", image=["1", 0], upscale_method="nonsense", width=32, height=32, crop="disabled"),
        "3": node("SaveImage", images=["2", 0], filename_prefix="x"),
    },
    "c_ui_format": workflow("c_ui_format"),
    "empty graph": {},
    "prompt is a list": [],
    "prompt is a string": "graph",
}


@pytest.mark.parametrize("name", INVALID)
async def test_invalid_prompts_are_refused_in_the_recorded_words(name: str) -> None:
    async with talking(Options(models={})) as client:
        answer = await client.post(INVALID[name])
        seen = SAMPLES[f"POST /prompt {name}"]
        assert answer.status_code == seen["status"]
        assert answer.headers["content-type"] == seen["content_type"]
        if "json" not in seen["content_type"]:
            assert answer.text == seen["body"]
            return
        assert _without_traces(answer.json()) == _without_traces(seen["body"])


def _without_traces(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_traces(inner) for key, inner in value.items() if key != "traceback"}
    return [_without_traces(inner) for inner in value] if isinstance(value, list) else value


async def test_a_partly_invalid_prompt_is_queued_without_its_bad_outputs() -> None:
    graph = {**saved(image(), "good"), "4": node("SaveImage", images=["1", 0])}
    async with talking() as client:
        answer = await client.post(graph)
        seen = SAMPLES["POST /prompt partly invalid (200 + node_errors)"]
        assert answer.status_code == 200
        assert answer.json()["node_errors"] == seen["body"]["node_errors"]
        await client.until(lambda frame: frame["type"] == "execution_success")


async def test_bodies_that_are_no_prompt_are_refused_as_recorded() -> None:
    async with talking() as client:
        nothing = await client.http.post("/prompt", json={})
        assert (nothing.status_code, nothing.json()) == (400, SAMPLES["POST /prompt no prompt key"]["body"])
        garbage = await client.http.post("/prompt", content=b"{")
        assert (garbage.status_code, garbage.text) == (500, SAMPLES["POST /prompt not json"]["body"])


def frames_of(kind: str, frames: list[Frame]) -> list[dict[str, Any]]:
    return [frame for frame in frames if isinstance(frame, dict) and frame["type"] == kind]


async def test_two_stages_restart_their_progress_at_each_node() -> None:
    graph = {
        "1": node("TBSleep", seconds=0.0, steps=5, preview=False, seed=1),
        "2": node("TBSleep", seconds=0.0, steps=10, preview=False, seed=2, image=["1", 0]),
        "3": node("SaveImage", images=["2", 0], filename_prefix="stages"),
    }
    async with talking() as client:
        _, frames = await client.run(graph)
        values = [(frame["data"]["node"], frame["data"]["value"]) for frame in frames_of("progress", frames)]
        assert values == [("1", step) for step in range(1, 6)] + [("2", step) for step in range(1, 11)]
        assert [frame["type"] for frame in frames if isinstance(frame, dict)] == SAMPLES["ws two stages types"][1:]
