"""What servers answer, and what only pretends to be an answer."""

import json
import math

import pytest

from daemons.worker.connectors.comfyui.answers import Accepted, Entry, FileRef, PromptQueue, Unreadable, number, text
from tests.support.comfyui import samples

SAMPLES = samples()


def test_numbers_that_nobody_can_calculate_with_are_zero() -> None:
    assert [number(value) for value in (math.nan, math.inf, 10**400, True, "7", None)] == [0] * 6
    assert [number(value) for value in (7, -0.5)] == [7, -0.5]


def test_half_characters_are_replaced() -> None:
    assert text(json.loads('"a\\ud800"')) == "a?"


def test_a_recorded_queue_is_read_in_order() -> None:
    sample = SAMPLES["GET /queue sample item"]
    item = sample["queue_running"][0]
    pending: list[list[object]] = [[number, f"p{number}", {}, {}, []] for number in (-39, 35, 37, 38, 36)]
    queue = PromptQueue.read({"queue_running": [item], "queue_pending": pending})
    assert [queued.number for queued in queue] == [34, -39, 35, 36, 37, 38]
    assert queue.running[0].extra["my_tag"] == {"job": 0}
    assert len(queue) == 6


def test_a_recorded_success_is_read() -> None:
    ((prompt_id, raw),) = SAMPLES["GET /history/{id} success"]["body"].items()
    entry = Entry.read({prompt_id: raw}, prompt_id)
    assert entry is not None
    assert entry.succeeded
    assert entry.client_id == raw["prompt"][3]["client_id"]
    assert entry.seconds == 0.016
    assert entry.cached == []
    assert list(entry.outputs) == ["5"]


def test_an_empty_history_says_nothing() -> None:
    assert Entry.read({}, "p") is None


@pytest.mark.parametrize("raw", [None, 7, {}, {"status": None}, {"status": {"messages": [7, [1], ["x", 3]]}}])
def test_entries_of_a_wrong_shape_are_entries_all_the_same(raw: object) -> None:
    entry = Entry.read({"p": raw}, "p")
    assert entry is not None
    assert entry.outputs == {}
    assert not entry.interrupted
    assert entry.seconds is None


@pytest.mark.parametrize(
    "answer", [None, [], "x", {}, {"queue_running": []}, {"queue_running": [[1]], "queue_pending": []}]
)
def test_what_is_no_queue_is_unreadable(answer: object) -> None:
    with pytest.raises(Unreadable):
        PromptQueue.read(answer)


@pytest.mark.parametrize("answer", [None, [], {}, {"prompt_id": 7}, {"prompt_id": ""}, {"prompt_id": "x" * 1000}])
def test_what_names_no_prompt_is_unreadable(answer: object) -> None:
    with pytest.raises(Unreadable):
        Accepted.read(answer)


@pytest.mark.parametrize(
    "item", [None, "x", {}, {"filename": ""}, {"filename": 7}, {"filename": "x", "type": "secret"}]
)
def test_what_is_no_file_is_none(item: object) -> None:
    assert FileRef.read(item) is None
