"""Frames of the event socket."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemons.worker.connectors.comfyui.events import Image, SocketEvent, decode


def labelled(label: object, picture: bytes = b"png") -> bytes:
    text = json.dumps(label).encode()
    return struct.pack(">II", 4, len(text)) + text + picture


def test_a_json_frame_tells_its_kind_and_prompt() -> None:
    frame = '{"type": "executing", "data": {"node": "3", "prompt_id": "p"}}'
    assert decode(frame) == SocketEvent("executing", "p", {"node": "3", "prompt_id": "p"})


def test_a_frame_that_names_no_prompt_has_an_empty_one() -> None:
    assert decode('{"type": "executing", "data": {"node": "3"}}') == SocketEvent("executing", "", {"node": "3"})


@pytest.mark.parametrize(("number", "kind"), [(1, "image/jpeg"), (2, "image/png")])
def test_a_plain_preview_has_no_owner(number: int, kind: str) -> None:
    assert decode(struct.pack(">II", 1, number) + b"data") == Image("", "", kind, b"data")


def test_a_labelled_preview_names_prompt_and_node() -> None:
    label = {"prompt_id": "p", "node_id": "5.0.1", "real_node_id": "5", "image_type": "image/png"}
    assert decode(labelled(label)) == Image("p", "5", "image/png", b"png")


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"type": 7}',
        '{"data": {}}',
        b"",
        b"\0\0\0\x01",
        struct.pack(">II", 1, 9) + b"data",
        struct.pack(">II", 3, 1) + b"5text",
        struct.pack(">II", 4, 2**31) + b"short",
        struct.pack(">II", 4, 3) + b"{{{",
        labelled([]),
    ],
)
def test_a_frame_that_makes_no_sense_is_nothing_or_nobodys(frame: str | bytes) -> None:
    decoded = decode(frame)
    assert decoded is None or decoded == Image("", "", "image/jpeg", b"png")


@given(st.binary() | st.text() | st.binary().map(lambda tail: b"\0\0\0\x04" + tail))
def test_no_frame_raises(frame: str | bytes) -> None:
    decode(frame)
