"""From options, files and stdin to requests."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from emp_cli.submit.request import Asked, read_inputs, read_texts, requests
from emp_core.errors import InvalidInput

NOW = 1_700_000_000_000

GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 20}, "_meta": {"title": "Sampler"}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
    "10": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
}


def bodies(**asked: Any) -> list[dict[str, Any]]:
    return [line.body for line in requests(Asked(**asked), read_texts(Asked(**asked)), NOW)]


@pytest.fixture
def graph_file(tmp_path: Path) -> str:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(GRAPH))
    return str(path)


def test_only_what_was_said_is_in_the_request() -> None:
    assert bodies(service="a1111", priority=0) == [{"service": "a1111", "priority": 0}]


def test_a_graph_means_comfyui_and_its_inputs_can_be_set(graph_file: str) -> None:
    settings = ["3.seed=18446744073709551615", "Sampler.steps=4", "KSampler.steps=5"]
    (body,) = bodies(graph=graph_file, settings=settings)
    assert body["service"] == "comfyui"
    assert body["payload"]["workflow"]["3"]["inputs"] == {"seed": 18446744073709551615, "steps": 5}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("seed", "must be name=value"),
        ("KSamplr.seed=1", r"no node KSamplr; it has 3 \(KSampler\), 9 .*; did you mean KSampler"),
        ("Samplr.seed=1", "no node Samplr; .*; did you mean Sampler"),
        ("images=1", "images needs its node: 9.images or 10.images"),
        ("SaveImage.images=1", "2 nodes are called SaveImage: 9, 10"),
        ("3.sed=1", "has no input 'sed'; it has seed, steps; did you mean seed"),
    ],
)
def test_an_input_that_is_not_there_is_named_with_what_is(graph_file: str, setting: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        bodies(graph=graph_file, settings=[setting])


@pytest.mark.parametrize(
    ("graph", "message"),
    [({"nodes": [], "links": []}, "editor's form"), ({}, "object of nodes"), ({"1": {"inputs": {}}}, "node 1 has no")],
)
def test_what_no_comfyui_runs_is_refused_with_the_way_to_export_it(tmp_path: Path, graph: Any, message: str) -> None:
    path = tmp_path / "ui.json"
    path.write_text(json.dumps(graph))
    with pytest.raises(InvalidInput, match=message) as told:
        bodies(graph=str(path))
    assert "Export (API)" in told.value.hint


def test_a_graph_under_prompt_or_workflow_is_found(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_text(json.dumps({"prompt": GRAPH, "client_id": "x"}))
    assert bodies(graph=str(path))[0]["payload"]["workflow"]["9"]["class_type"] == "SaveImage"


def test_settings_make_a_payload_or_fill_a_template(tmp_path: Path) -> None:
    path = tmp_path / "payload.json"
    path.write_text('{"options": {"a": 1}}')
    (body,) = bodies(service="x", payload=str(path), settings=["options.b=true", "name=text"], set_new=True)
    assert body["payload"] == {"options": {"a": 1, "b": True}, "name": "text"}
    (body,) = bodies(service="x", template="portrait", settings=["seed=7"])
    assert (body["template"], body["params"]) == ("portrait", {"seed": 7})
    (body,) = bodies(service="x", settings=["a.b=1", "a.c=2", "d=3"])
    assert body["payload"] == {"a": {"b": 1, "c": 2}, "d": 3}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("stesp=4", "set: the payload has no 'stesp'; it has steps, options; did you mean steps"),
        ("options.sed=4", "set: options has no 'sed'; it has seed; did you mean seed"),
        ("option.seed=4", "set: the payload has no 'option'; .*; did you mean options"),
        ("steps.seed=4", "steps.seed: steps is not an object"),
    ],
)
def test_setting_that_the_payload_does_not_have_is_refused(tmp_path: Path, setting: str, message: str) -> None:
    path = tmp_path / "payload.json"
    path.write_text('{"steps": 20, "options": {"seed": 1}}')
    with pytest.raises(InvalidInput, match=message) as error:
        bodies(service="x", payload=str(path), settings=["steps=5", setting])
    assert error.value.hint in ("--set-new adds it", "")


def test_settings_change_the_payload_of_each_request_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        {"service": "x", "payload": {"seed": 1, "text": "a"}},
        {"template": "t", "params": {"seed": 2}},
        {"service": "y"},
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(map(json.dumps, lines))))
    found = bodies(source="-", settings=["seed=7"])
    assert [body.get("payload", body.get("params")) for body in found] == [
        {"seed": 7, "text": "a"},
        {"seed": 7},
        {"seed": 7},
    ]


def test_setting_that_a_request_of_a_file_does_not_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('[{"service": "x", "payload": {"seed": 1}}]'))
    with pytest.raises(InvalidInput, match="did you mean seed"):
        bodies(source="-", settings=["sed=7"])


def test_requirements_are_read_by_their_kind() -> None:
    require = ["gpu_memory_gb=24", "models=a,b", "gpu_model=4090", "custom.net.gbit=10", "exclude.asset=nsfw"]
    (body,) = bodies(service="x", require=require, requirements='{"gpu_count": 2}')
    assert body["requirements"] == {
        "gpu_count": 2,
        "gpu_memory_gb": "24",
        "models": ["a", "b"],
        "gpu_model": "4090",
        "custom": {"net.gbit": 10},
        "exclude": {"asset": "nsfw"},
    }
    with pytest.raises(InvalidInput, match="did you mean gpu_memory_gb"):
        bodies(service="x", require=["gpu_memory=24"])


def test_times_are_counted_from_the_queues_now() -> None:
    (body,) = bodies(service="x", delay="10m", deadline="1h", job_timeout="90s")
    assert (body["run_at"], body["deadline"], body["timeout_seconds"]) == (NOW + 600_000, NOW + 3_600_000, 90)


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ('{"service": "a"}', ["a"]),
        ('{\n  "service": "a"\n}', ["a"]),
        ('[{"service": "a"}, {"service": "b"}]', ["a", "b"]),
        ('{"service": "a"}\n\n{"service": "b"}\n', ["a", "b"]),
    ],
)
def test_requests_come_as_json_as_a_list_or_as_lines(
    text: str, services: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert [body["service"] for body in bodies(source="-")] == services


def test_what_the_options_say_wins_over_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"service": "a", "priority": 1}'))
    assert bodies(source="-", priority=9) == [{"service": "a", "priority": 9}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('{"a": 1}\nnope\n', "line 2: is not JSON"),
        ("[1]", "must be a JSON object"),
        ("", "-: is empty"),
        (" \n", "-: is empty"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    with pytest.raises(InvalidInput, match=message):
        bodies(source="-")


def test_a_graph_in_the_place_of_a_request_is_told_which_option_takes_it(graph_file: str) -> None:
    with pytest.raises(InvalidInput, match="is a ComfyUI graph") as told:
        bodies(source=graph_file)
    assert told.value.hint == "emp submit --graph FILE"


def test_input_files_are_named_by_the_graph_or_as_they_are() -> None:
    assert read_inputs(Asked(files=["photo.png=./my.png", "dir/mask.png"])) == {
        "photo.png": Path("my.png"),
        "mask.png": Path("dir/mask.png"),
    }


def test_a_file_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(InvalidInput, match=r"payload: nope\.json cannot be read: No such file"):
        bodies(service="x", payload="nope.json")


@pytest.mark.parametrize("other", [{"payload": "x.json"}, {"template": "portrait"}])
def test_a_graph_is_all_that_a_job_is_sent(graph_file: str, other: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="graph: cannot be combined with --payload or --template"):
        bodies(graph=graph_file, **other)


def test_whole_requests_and_a_payload_do_not_mix() -> None:
    with pytest.raises(InvalidInput, match="cannot be combined"):
        bodies(source="-", payload="x.json")
