"""Inputs up, outputs down."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from daemons.simulation.comfyui import Answer, Fault, Faults, Options
from daemons.worker.connector import JobFailed, ServiceDown
from daemons.worker.connectors.comfyui.answers import FileRef
from daemons.worker.connectors.comfyui.api import ComfyUIApi
from daemons.worker.connectors.comfyui.outputs import OutputGone, Outputs
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from emp_core.domain.outcome import Failure
from tests.support.comfyui import Rig, image, node, rig, saved, workflow
from tests.support.waiting import wait_until


async def failure(inner: Rig, payload: Any) -> Failure:
    with pytest.raises(JobFailed) as failed:
        await inner.run(payload)
    return failed.value.failure


async def collected(inner: Rig, outputs: Any, **settings: Any) -> Outputs:
    """What a history with these outputs is made of."""
    chosen = ComfyUISettings(url=inner.server.url, **settings)
    api = ComfyUIApi(chosen, uuid.uuid4)
    made = Outputs(api, chosen, inner.context)
    try:
        await made.collect(outputs)
    finally:
        await api.close()
    return made


async def test_the_result_names_prompt_outputs_and_figures() -> None:
    async with rig() as inner:
        result = await inner.run(workflow("a_multistep"))
        first, second = result.artifacts
        assert result.data == {
            "prompt_id": next(iter(inner.server.history)),
            "outputs": {
                "5": {
                    "images": [
                        {"name": "sub/dir/multi_00001_.png", "artifact": first.id},
                        {"name": "sub/dir/multi_00002_.png", "artifact": second.id},
                    ]
                }
            },
            "stats": {"execution_seconds": result.data["stats"]["execution_seconds"], "cached_nodes": 0},
        }
        assert (first.media_type, first.kind) == ("image/png", "output")
        assert inner.context.files[first.id].startswith(b"\x89PNG")


async def test_files_keep_the_folder_that_the_server_gave_them() -> None:
    async with rig() as inner:
        result = await inner.run(saved(image(), "made/today/x"))
        assert [artifact.name for artifact in result.artifacts] == ["made/today/x_00001_.png"]
        (entry,) = result.data["outputs"]["2"]["images"]
        assert entry["name"] == "made/today/x_00001_.png"


async def test_a_job_whose_files_are_all_previews_says_so() -> None:
    async with rig() as inner:
        result = await inner.run({"1": image(), "2": node("PreviewImage", images=["1", 0])})
        assert result.artifacts == ()
        assert result.data["notes"][0].startswith("all files of this job are temporary previews")
        assert "notes" not in (await inner.run(saved(image()))).data


async def test_an_output_that_the_graph_skipped_is_noted() -> None:
    graph = {
        **saved(image()),
        "3": node("TBFail", kind="blocked", message=""),
        "4": node("SaveImage", images=["3", 0], filename_prefix="y"),
    }
    async with rig() as inner:
        result = await inner.run(graph)
        assert len(result.artifacts) == 1
        assert result.data["notes"] == [
            "SaveImage (node 4) made no output: a switch or a blocker in the graph may have skipped it"
        ]


async def test_temp_files_are_results_only_if_asked_for() -> None:
    for keep, kinds in ((False, {"output"}), (True, {"output", "temp"})):
        async with rig(keep_temp=keep) as inner:
            result = await inner.run(workflow("e_two_outputs"))
            assert {artifact.kind for artifact in result.artifacts} == kinds
            assert result.data["outputs"]["5"] == {"text": ["note"]}


async def test_a_job_whose_nodes_are_all_cached_has_the_same_files() -> None:
    async with rig() as inner:
        first = await inner.run(saved(image()), "a")
        second = await inner.run(saved(image()), "b")
        assert [artifact.sha256 for artifact in first.artifacts] == [artifact.sha256 for artifact in second.artifacts]
        assert second.data["stats"]["cached_nodes"] == 2


async def test_a_cached_file_that_is_gone_is_made_anew() -> None:
    async with rig() as inner:
        await inner.run(saved(image()), "a")
        inner.server.disk.delete("output", "out_00001_.png")
        result = await inner.run(saved(image()), "b")
        assert [artifact.name for artifact in result.artifacts] == ["out_00002_.png"]


async def test_a_file_that_is_gone_again_fails_the_attempt() -> None:
    async with rig(faults=Faults(answers={"/view": [Answer.MISSING] * 2})) as inner:
        found = await failure(inner, saved(image()))
        assert (found.code, found.retryable) == ("missing_output", True)


async def test_a_download_that_breaks_is_repeated() -> None:
    async with rig(faults=Faults(answers={"/view": [Answer.GATEWAY]})) as inner:
        assert len((await inner.run(saved(image()))).artifacts) == 1


async def test_pictures_sent_over_the_socket_are_results() -> None:
    async with rig() as inner:
        result = await inner.run(saved(image(count=2), by="SaveImageWebsocket"))
        assert [artifact.name for artifact in result.artifacts] == ["2_00001.png", "2_00002.png"]
        assert len(result.data["outputs"]["2"]["images"]) == 2
        assert inner.context.previews == []


async def test_pictures_that_come_after_the_history_answered_are_results() -> None:
    faults = Faults(at={"SaveImageWebsocket": Fault.STALL})
    async with rig(faults=faults, settle_seconds=600) as inner, asyncio.TaskGroup() as group:
        running = group.create_task(inner.run(saved(image(count=2), by="SaveImageWebsocket")))
        await wait_until(lambda: bool(inner.server.history), "the entry in the history")
        for _ in range(5):
            await inner.connector.probe()
        assert not running.done()
        inner.server.release()
        assert len((await running).artifacts) == 2


async def test_pictures_that_never_come_fail_the_attempt_after_the_settle_time() -> None:
    faults = Faults(at={"SaveImageWebsocket": Fault.STALL})
    async with rig(faults=faults, settle_seconds=0.2) as inner:
        found = await failure(inner, saved(image(), by="SaveImageWebsocket"))
        assert (found.code, found.retryable) == ("missing_output", True)


async def test_a_job_without_such_pictures_ends_as_the_history_says() -> None:
    async with rig(faults=Faults(at={"SaveImage": Fault.STALL})) as inner:
        assert len((await inner.run(saved(image()))).artifacts) == 1


async def test_pictures_that_a_broken_socket_may_have_lost_fail_the_attempt() -> None:
    async with rig(faults=Faults(at={"2": Fault.LOSE_SOCKETS})) as inner:
        found = await failure(inner, saved(image(), by="SaveImageWebsocket"))
        assert (found.code, found.retryable) == ("missing_output", True)


async def test_such_a_job_is_not_begun_without_a_socket() -> None:
    async with rig(ws_url="ws://127.0.0.1:9/ws") as inner:
        with pytest.raises(ServiceDown):
            await inner.run(saved(image(), by="SaveImageWebsocket"))
        assert not inner.server.history


async def test_too_many_bytes_over_the_socket_are_a_permanent_failure() -> None:
    async with rig(max_socket_bytes=4_000) as inner:
        found = await failure(inner, saved(image(count=100), by="SaveImageWebsocket"))
        assert (found.code, found.retryable) == ("too_large", False)


async def test_every_list_of_files_is_a_result_whatever_its_name() -> None:
    async with rig() as inner:
        for number, name in enumerate(("clip.mp4", "sound.flac", "mesh.glb", "loop.webp")):
            inner.server.disk.upload("output", "made", name, bytes([number]), False)
        made = await collected(
            inner,
            {
                "1": {"images": [{"filename": "clip.mp4", "subfolder": "made", "type": "output"}], "animated": [True]},
                "2": {"audio": [{"filename": "sound.flac", "subfolder": "made", "type": "output"}]},
                "3": {"3d": [{"filename": "mesh.glb", "subfolder": "made", "type": "output"}]},
                "4": {"gifs": [{"filename": "loop.webp", "subfolder": "made", "type": "output", "fullpath": "/x"}]},
                "5": {"text": ["a", "b"], "odd": [{"no": "file"}, None], "value": "no list", "number": [7]},
                "6": None,
            },
        )
        types = [artifact.media_type for artifact in made.artifacts]
        assert types == ["video/mp4", "audio/flac", "model/gltf-binary", "image/webp"]
        assert made.data["1"]["animated"] == [True]
        assert made.data["5"] == {"text": ["a", "b"], "number": [7]}


async def test_a_file_that_two_nodes_name_is_stored_once() -> None:
    async with rig() as inner:
        inner.server.disk.upload("output", "", "a.png", b"a", False)
        ref = {"filename": "a.png", "subfolder": "", "type": "output"}
        made = await collected(inner, {"1": {"images": [ref]}, "2": {"images": [ref]}})
        assert len(made.artifacts) == 1
        assert made.data["1"] == made.data["2"]


@pytest.mark.parametrize(
    "ref",
    [
        {"filename": "../../etc/passwd", "subfolder": "", "type": "output"},
        {"filename": "x.png", "subfolder": "../..", "type": "output"},
    ],
)
async def test_paths_that_lead_elsewhere_end_at_the_server(ref: dict[str, str]) -> None:
    async with rig() as inner:
        with pytest.raises((JobFailed, OutputGone)):
            await collected(inner, {"1": {"images": [ref]}})
        assert inner.context.files == {}


async def test_folders_that_the_server_does_not_have_are_not_asked_for() -> None:
    async with rig() as inner:
        made = await collected(inner, {"1": {"images": [{"filename": "x.png", "subfolder": "", "type": "secret"}]}})
        assert made.artifacts == ()


async def test_names_with_paths_and_escapes_are_stored_plain() -> None:
    async with rig() as inner:
        inner.server.disk.upload("output", "", "a\x1b[0m.png", b"a", False)
        made = await collected(
            inner, {"1": {"images": [{"filename": "a\x1b[0m.png", "subfolder": "", "type": "output"}]}}
        )
        assert made.artifacts[0].name == "a_[0m.png"


async def test_the_number_of_files_and_texts_is_limited() -> None:
    async with rig() as inner:
        with pytest.raises(JobFailed) as failed:
            await collected(inner, {"1": {"text": ["x"] * 11}}, max_files=10)
        assert failed.value.failure.code == "too_large"


async def test_texts_in_the_result_are_limited_together_and_kept_whole_as_files() -> None:
    async with rig() as inner:
        made = await collected(inner, {"1": {"text": ["x" * 100_000] * 3}}, max_text=100_000)
        assert [len(text) for text in made.data["1"]["text"]] == [100_000, 31_072, 0]
        assert [artifact.size for artifact in made.artifacts] == [100_000, 100_000]


async def test_files_of_the_job_are_uploaded_and_their_names_replaced() -> None:
    async with rig() as inner:
        inner.context.inputs["art-1"] = b"picture"
        result = await inner.run({"workflow": workflow("f_load_image"), "files": {"UPLOADED_NAME": "art-1"}})
        assert [artifact.name for artifact in result.artifacts] == ["loaded_00001_.png"]
        (stored,) = inner.server.disk.names("input")
        assert stored == f"emp-{hashlib.sha256(b'picture').hexdigest()[:32]}"
        assert inner.server.disk.read("input", stored) == b"picture"


async def test_the_same_file_is_sent_to_the_server_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    upload = ComfyUIApi.upload

    async def note(api: ComfyUIApi, name: str, chunks: AsyncIterator[bytes]) -> FileRef:
        sent.append(name)
        return await upload(api, name, chunks)

    monkeypatch.setattr(ComfyUIApi, "upload", note)
    async with rig() as inner:
        inner.context.inputs |= {"art-1": b"picture", "art-2": b"picture", "art-3": b"another one"}
        for artifact, name in (("art-1", "a.PNG"), ("art-2", "b.png"), ("art-3", "a.png")):
            graph = {"1": node("LoadImage", image=name), "2": node("SaveImage", images=["1", 0], filename_prefix="x")}
            await inner.run({"workflow": graph, "files": {name: artifact}}, artifact)
        assert len(sent) == 2
        assert all(name.endswith(".png") for name in sent)
        assert sorted(inner.server.disk.names("input")) == sorted(sent)


async def test_a_partial_file_of_that_name_on_the_server_is_not_used() -> None:
    async with rig() as inner:
        inner.context.inputs["art-1"] = b"picture"
        name = f"emp-{hashlib.sha256(b'picture').hexdigest()[:32]}"
        inner.server.disk.upload("input", "", name, b"pict", True)
        await inner.run({"workflow": workflow("f_load_image"), "files": {"UPLOADED_NAME": "art-1"}})
        graph = list(inner.server.history.values())[-1]["prompt"][2]
        assert inner.server.disk.read("input", graph["1"]["inputs"]["image"]) == b"picture"


async def test_the_name_that_the_server_gave_is_the_one_that_is_used() -> None:
    async with rig() as inner:
        inner.context.inputs["art-1"] = b"picture"
        payload = {"workflow": workflow("f_load_image"), "files": {"UPLOADED_NAME": "art-1"}}
        await inner.run(payload, "a")
        (taken,) = inner.server.disk.names("input")
        inner.server.disk.upload("input", "", taken, b"somebody else's", True)
        await inner.run(payload, "b")
        graph = list(inner.server.history.values())[-1]["prompt"][2]
        assert graph["1"]["inputs"]["image"] == f"{taken} (1)"


async def test_a_file_that_no_input_names_is_not_sent_and_noted() -> None:
    async with rig() as inner:
        await inner.run({"workflow": saved(image()), "files": {"other.png": "art-1"}})
        assert inner.server.disk.names("input") == []
        assert any("other.png" in line for line in inner.context.lines)


async def test_an_artifact_that_is_not_there_is_a_permanent_failure() -> None:
    async with rig() as inner:
        found = await failure(inner, {"workflow": workflow("f_load_image"), "files": {"UPLOADED_NAME": "no"}})
        assert (found.code, found.retryable) == ("missing_input", False)


async def test_a_file_over_the_server_s_limit_is_a_permanent_failure() -> None:
    async with rig(Options(max_upload_bytes=10_000)) as inner:
        inner.context.inputs["art-1"] = b"x" * (inner.server.options.max_upload_bytes + 1)
        found = await failure(inner, {"workflow": workflow("f_load_image"), "files": {"UPLOADED_NAME": "art-1"}})
        assert (found.code, found.retryable) == ("too_large", False)


async def test_extra_data_goes_along_with_the_worker_s_mark_and_without_keys() -> None:
    async with rig() as inner:
        await inner.run({"workflow": saved(image()), "extra_data": {"mine": 1, "api_key_comfy_org": "k"}})
        extra = next(iter(inner.server.history.values()))["prompt"][3]
        assert extra["mine"] == 1
        assert "api_key_comfy_org" not in extra
        assert extra["emp"] == {"worker": "box:0", "job": "job", "attempt": 1, "round": 1}


async def test_what_was_made_before_a_failure_is_kept() -> None:
    graph = {**saved(image(), "before"), "3": node("TBFail", kind="value", message="late", image=["1", 0])}
    graph["4"] = node("SaveImage", images=["3", 0], filename_prefix="never")
    async with rig() as inner:
        found = await failure(inner, graph)
        assert [artifact.name for artifact in found.artifacts] == ["before_00001_.png"]


async def test_a_partly_invalid_graph_fails_and_leaves_nothing_in_the_queue() -> None:
    graph = {**saved(image()), "4": node("SaveImage", images=["1", 0])}
    async with rig(faults=Faults(at={"1": Fault.WAIT})) as inner:
        found = await failure(inner, graph)
        assert (found.code, found.retryable) == ("validation", False)
        assert "filename_prefix" in found.message
        assert inner.server.running is None


async def test_a_partly_invalid_graph_runs_where_that_is_allowed() -> None:
    graph = {**saved(image()), "4": node("SaveImage", images=["1", 0])}
    async with rig(allow_partial=True) as inner:
        assert len((await inner.run(graph)).artifacts) == 1
        assert any("filename_prefix" in line for line in inner.context.lines)
