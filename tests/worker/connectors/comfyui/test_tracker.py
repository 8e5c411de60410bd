"""Progress as told by events: the recorded ones, and those of others."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemons.worker.connectors.comfyui.events import Image, SocketEvent
from daemons.worker.connectors.comfyui.tracker import READERS, UNFINISHED, Tracker
from tests.support.comfyui import image, samples, saved, sleeping, workflow

SAMPLES = samples()


def tracker(graph: Any, *keeps: str, prompt_id: str = "p", limit: int = 1000) -> Tracker:
    made = Tracker(graph, frozenset(keeps), limit)
    made.prompt_id = prompt_id
    return made


def event(kind: str, prompt_id: str = "p", **data: Any) -> SocketEvent:
    return SocketEvent(kind, prompt_id, {**data, "prompt_id": prompt_id})


def feed(made: Tracker, sample: str) -> list[float]:
    """The recorded frames; the percentage after each."""
    percents = []
    for frame in SAMPLES[sample]:
        if "data" not in frame:
            continue
        prompt_id = frame["data"].get("prompt_id", "")
        made.prompt_id = made.prompt_id or prompt_id
        made.hear(SocketEvent(frame["type"], prompt_id, frame["data"]))
        percents.append(made.percent)
    return percents


@pytest.mark.parametrize("name", ["WS fast run", "WS same prompt again (all cached)"])
def test_a_recorded_run_rises_steadily_to_the_end(name: str) -> None:
    made = tracker(workflow("a_multistep"), prompt_id="")
    percents = feed(made, name)
    assert percents == sorted(percents)
    assert percents[-1] == UNFINISHED
    assert made.started
    assert made.ended


def test_steps_of_a_node_are_a_part_of_the_whole() -> None:
    made = tracker(sleeping(), prompt_id="")
    percents = feed(made, "WS progress + binary preview (no feature flags)")
    assert sorted({round(percent) for percent in percents} & {20, 40}) == [20.0, 40.0]
    assert made.ended


def test_servers_without_progress_state_are_followed_by_executing_alone() -> None:
    made = tracker(workflow("a_fast"))
    seen = []
    for told in (
        event("executing", node="1"),
        event("progress", node="1", value=1, max=2),
        event("executing", node="2"),
    ):
        made.hear(told)
        seen.append(round(made.percent))
    assert seen == [0, 17, 33]
    assert made.class_type == "ImageInvert"


def test_cached_nodes_count_as_done() -> None:
    made = tracker(workflow("a_multistep"))
    made.hear(event("execution_cached", nodes=["1", "2", "3", "4"]))
    assert made.percent == 80


def test_progress_never_goes_back_nor_reaches_100_before_the_end() -> None:
    made = tracker(saved(image()))
    for value in (5, 1, 10):
        made.hear(event("progress_state", nodes={"1": {"value": value, "max": 10, "state": "running"}}))
    assert made.percent == 50
    made.hear(event("execution_cached", nodes=["1", "2"]))
    assert made.percent == UNFINISHED


def test_nodes_that_a_subgraph_made_do_not_count() -> None:
    made = tracker(saved(image()))
    made.hear(event("progress_state", nodes={"1.0.7": {"value": 1, "max": 1, "state": "finished"}}))
    assert made.percent == 0


def test_events_of_others_are_not_heeded() -> None:
    made = tracker(saved(image()))
    assert not made.hear(event("execution_success", prompt_id="other"))
    assert not made.hear(SocketEvent("executing", "", {"node": "1"}))
    assert not made.ended
    assert made.node == ""


def test_status_tells_the_length_of_the_queue() -> None:
    made = tracker(saved(image()))
    made.hear(SocketEvent("status", "", {"status": {"exec_info": {"queue_remaining": 3}}}))
    assert made.remaining == 3


def test_a_blocked_branch_is_not_the_end() -> None:
    made = tracker(saved(image()))
    made.hear(event("execution_error", exception_type="ExecutionBlocked"))
    assert not made.ended
    made.hear(event("execution_error", exception_type="RuntimeError"))
    assert made.ended


def test_pictures_of_a_socket_output_are_results_and_all_others_previews() -> None:
    made = tracker(saved(image(), by="SaveImageWebsocket"), "2")
    made.hear(Image("p", "1", "image/png", b"preview"))
    made.hear(Image("p", "2", "image/png", b"result"))
    made.hear(Image("other", "2", "image/png", b"stranger's"))
    assert made.preview is not None
    assert made.preview.data == b"preview"
    assert [found.data for _, found in made.images] == [b"result"]


def test_pictures_without_an_owner_count_only_where_the_server_cannot_label_them() -> None:
    plain = Image("", "", "image/png", b"whose?")
    old = tracker(saved(image(), by="SaveImageWebsocket"), "2")
    assert not old.hear(plain)
    old.hear(event("executing", node="2"))
    assert old.hear(plain)
    new = tracker(saved(image(), by="SaveImageWebsocket"), "2")
    new.hear(SocketEvent("feature_flags", "", {"supports_preview_metadata": True}))
    new.hear(event("executing", node="2"))
    assert not new.hear(plain)


def test_more_pictures_than_may_be_kept_are_dropped_and_noted() -> None:
    made = tracker(saved(image(), by="SaveImageWebsocket"), "2", limit=10)
    for _ in range(3):
        made.hear(Image("p", "2", "image/png", b"123456"))
    assert made.overflowed
    assert len(made.images) == 1


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["1", "2", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["1", "2", "max", "value"]), inner),
    max_leaves=8,
)
FIELDS = ["node", "nodes", "value", "max", "state", "status", "exception_type", "supports_preview_metadata"]


@given(
    kind=st.sampled_from(sorted([*READERS, "status", "feature_flags"])),
    data=st.dictionaries(st.sampled_from(FIELDS), VALUES),
)
def test_no_event_of_whatever_shape_does_harm(kind: str, data: dict[str, Any]) -> None:
    made = tracker(saved(image()))
    made.hear(event(kind, **data))
    assert 0 <= made.percent <= UNFINISHED
