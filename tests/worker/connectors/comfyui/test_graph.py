"""Payloads: which forms are taken, and what is refused before anything is sent."""

from collections.abc import Mapping
from typing import Any

import pytest

from daemons.worker.connector import JobFailed
from daemons.worker.connectors.comfyui.graph import names_used, read_payload, with_inputs
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from tests.support.comfyui import image, node, saved, workflow

GRAPH = workflow("a_fast")
OPEN = ComfyUISettings()


def refusal(payload: Mapping[str, Any], settings: ComfyUISettings = OPEN) -> tuple[str, str]:
    with pytest.raises(JobFailed) as failed:
        read_payload(payload, settings)
    assert not failed.value.failure.retryable
    return failed.value.failure.code, failed.value.failure.message


@pytest.mark.parametrize(
    "payload",
    [GRAPH, {"workflow": GRAPH}, {"prompt": GRAPH}, {**GRAPH, "files": {}, "extra_data": {}}],
    ids=["bare", "workflow", "prompt", "bare with the rest"],
)
def test_a_graph_comes_bare_or_under_workflow_or_prompt(payload: Mapping[str, Any]) -> None:
    assert read_payload(payload, OPEN).graph == GRAPH


def test_where_both_are_there_the_prompt_is_the_graph_and_the_workflow_the_editor_s() -> None:
    assert read_payload({"prompt": GRAPH, "workflow": workflow("c_ui_format")}, OPEN).graph == GRAPH


@pytest.mark.parametrize("wrapped", [workflow("c_ui_format"), {"workflow": workflow("c_ui_format")}])
def test_the_editor_s_format_is_refused_with_what_to_do(wrapped: Mapping[str, Any]) -> None:
    code, message = refusal(wrapped)
    assert code == "ui_format"
    assert "Export (API)" in message


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"workflow": {}},
        {"1": "text"},
        {"1": {"class_type": 3, "inputs": {}}},
        {"1": {"class_type": "EmptyImage"}},
        {"workflow": "text"},
        {"workflow": GRAPH, "files": {"a.png": 7}},
    ],
)
def test_what_is_no_graph_is_refused(payload: Mapping[str, Any]) -> None:
    assert refusal(payload)[0] == "validation"


def test_denied_and_not_allowed_classes_are_refused() -> None:
    assert refusal(GRAPH, ComfyUISettings(denied_classes=frozenset({"ImageInvert"})))[0] == "forbidden_class"
    assert refusal(GRAPH, ComfyUISettings(allowed_classes=frozenset({"SaveImage"})))[0] == "forbidden_class"


def test_keys_to_accounts_and_the_worker_s_own_mark_are_taken_out_of_extra_data() -> None:
    extra = {
        "api_key_comfy_org": "k",
        "auth_token_comfy_org": "t",
        "emp": {},
        "client_id": "c",
        "extra_pnginfo": {"a": 1},
    }
    assert read_payload({"workflow": GRAPH, "extra_data": extra}, OPEN).extra == {"extra_pnginfo": {"a": 1}}


def test_names_of_files_are_replaced_where_an_input_is_exactly_that_name() -> None:
    graph = {
        **saved(node("LoadImage", image="in.png"), "in.png of the job"),
        "3": node("TBText", text="in.png", size=0),
    }
    changed = with_inputs(graph, {"in.png": "stored.png"})
    assert changed["1"]["inputs"] == {"image": "stored.png"}
    assert changed["2"]["inputs"]["filename_prefix"] == "in.png of the job"
    assert graph["1"]["inputs"] == {"image": "in.png"}
    assert "in.png" in names_used(graph)


def test_nodes_that_send_over_the_socket_are_known_by_their_class() -> None:
    assert read_payload(saved(image(), by="SaveImageWebsocket"), OPEN).socket_nodes() == {"2"}
