"""What a server lacks is a mismatch: other workers get the job. What is wrong with the graph is the job's fault."""

from typing import Any

import pytest

from daemons.simulation.comfyui import Options
from daemons.worker.connector import ConnectorError, JobFailed, Mismatch
from daemons.worker.connectors.comfyui.lacking import lacks
from tests.support.comfyui import Graph, Rig, image, node, rig, samples, saved, txt2img, workflow

SAMPLES = samples()


def loading(name: str, **inputs: object) -> Graph:
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name=name),
        "2": node("PreviewAny", source=["1", 0], **inputs),
    }


async def error(inner: Rig, graph: Graph) -> ConnectorError:
    with pytest.raises(ConnectorError) as raised:
        await inner.run(graph)
    return raised.value


def test_recorded_refusals_of_a_missing_node_and_a_missing_model() -> None:
    assert lacks(SAMPLES["POST /prompt c_invalid_unknown_node"]["body"]) == ("the node class 'NoSuchNodeClass'",)
    assert lacks(SAMPLES["POST /prompt c_invalid_missing_model"]["body"]) == ("the model 'no-such.safetensors'",)


@pytest.mark.parametrize(
    "name",
    ["c_invalid_missing_input", "c_invalid_value", "c_invalid_type_mismatch", "c_invalid_no_outputs", "no prompt key"],
)
def test_recorded_refusals_of_a_wrong_graph_lack_nothing(name: str) -> None:
    assert lacks(SAMPLES[f"POST /prompt {name}"]["body"]) == ()


def refusal(name: str, value: Any, kind: str = "value_not_in_list") -> dict[str, Any]:
    details = {"input_name": name, "received_value": value}
    return {"node_errors": {"1": {"class_type": "X", "errors": [{"type": kind, "extra_info": details}]}}}


@pytest.mark.parametrize(
    ("name", "value", "lacking"),
    [
        ("ckpt_name", "no extension", True),
        ("lora_name", "sub/a.safetensors", True),
        ("some_custom_input", "model.GGUF", True),
        ("sampler_name", "eulr", False),
        ("scheduler", "karas", False),
        ("image", "photo.png", False),
        ("some_custom_input", ".pt", False),
        ("ckpt_name", "", False),
        ("ckpt_name", 7, False),
        ("ckpt_name", None, False),
    ],
)
def test_model_inputs_are_known_by_their_name_or_by_the_file(name: str, value: Any, lacking: bool) -> None:
    assert bool(lacks(refusal(name, value))) is lacking


@pytest.mark.parametrize(
    "answer", [{}, {"error": "x"}, {"error": {"message": 7}}, {"node_errors": []}, {"node_errors": {"1": 5}}]
)
def test_answers_of_another_shape_lack_nothing(answer: dict[str, Any]) -> None:
    assert lacks(answer) == ()


def test_a_missing_model_beside_another_problem_is_the_graph_s_fault() -> None:
    answer = refusal("ckpt_name", "a.safetensors")
    answer["node_errors"]["2"] = {"errors": [{"type": "required_input_missing"}]}
    assert lacks(answer) == ()


def test_a_long_hostile_name_is_cut() -> None:
    (lacking,) = lacks(refusal("ckpt_name", "x" * 100_000))
    assert len(lacking) < 300


@pytest.mark.parametrize("version", ["0.3.64", "0.38.1"])
async def test_an_unknown_node_is_a_mismatch(version: str) -> None:
    async with rig(Options(version=version)) as inner:
        found = await error(inner, workflow("c_invalid_unknown_node"))
        assert isinstance(found, Mismatch)
        assert str(found) == "the node class 'NoSuchNodeClass'"


async def test_a_missing_model_is_a_mismatch() -> None:
    async with rig(Options(models={})) as inner:
        found = await error(inner, txt2img())
        assert isinstance(found, Mismatch)
        assert str(found) == "the model 'v1-5-pruned-emaonly.safetensors'"


async def test_a_misspelt_sampler_is_the_job_s_fault() -> None:
    graph = txt2img()
    graph["3"]["inputs"]["sampler_name"] = "eulr"
    async with rig() as inner:
        found = await error(inner, graph)
        assert isinstance(found, JobFailed)
        assert found.failure.code == "validation"


async def test_an_output_that_lacks_a_model_is_a_mismatch_and_leaves_nothing_queued() -> None:
    graph = {
        **saved(image()),
        "3": node("CheckpointLoaderSimple", ckpt_name="a.ckpt"),
        "4": node("PreviewAny", source=["3", 0]),
    }
    async with rig(foreign_prompts=1) as inner:
        blocker = inner.server.submit(saved(node("TBSleep", seconds=60.0, steps=100, preview=False)))
        await inner.until_running()
        found = await error(inner, graph)
        assert isinstance(found, Mismatch)
        assert (inner.server.running, inner.server.pending) == (blocker, [])


async def test_an_output_that_lacks_a_model_is_left_out_if_parts_are_allowed() -> None:
    graph = {
        **saved(image()),
        "3": node("CheckpointLoaderSimple", ckpt_name="a.ckpt"),
        "4": node("PreviewAny", source=["3", 0]),
    }
    async with rig(allow_partial=True) as inner:
        result = await inner.run(graph)
        assert list(result.data["outputs"]) == ["2"]
