"""Large bodies: refused before they are built, and read one after the other."""

import asyncio
import json
import threading
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from daemons.hub.http.bodies import LARGE_BYTES, understand
from emp_core.domain.json_text import MAX_LIST_NODES, parse_json, read_json
from emp_core.domain.policy import MAX_JSON_NODES
from emp_core.errors import InvalidInput, LimitExceeded
from tests.hub.conftest import body_of

LIST_NODES = 2 * MAX_JSON_NODES
"""A smaller maximum for lists, so that the test builds no 10 MB of text."""


@pytest.mark.parametrize(
    ("start", "item", "end", "maximum"),
    [
        ("[", "[],", "[]]", LIST_NODES),
        (" [", "{},", "{}]", LIST_NODES),
        ("[", "0,0,", "0]", LIST_NODES),
        ('[",', "[],", '"]', None),
        ('{"a":[', "[],", "[]]}", MAX_JSON_NODES),
        ('{"a":{', '"b":{},', '"b":{}}}', MAX_JSON_NODES),
        ('{"a":"\\\\",', '"b":{},"c":"\\"",', '"d":1}', MAX_JSON_NODES),
        ('{"a":"', '\\",[', '"}', None),
    ],
)
def test_too_many_values_are_refused_before_they_are_built(
    monkeypatch: pytest.MonkeyPatch, start: str, item: str, end: str, maximum: int | None
) -> None:
    built = object()

    def build(*_: Any, **__: Any) -> object:
        return built

    monkeypatch.setattr("emp_core.domain.json_text._STRICT", SimpleNamespace(decode=build))
    monkeypatch.setattr("emp_core.domain.json_text.MAX_LIST_NODES", LIST_NODES)
    text = start + item * (maximum or LIST_NODES) + end
    for body in (text, text.encode(), text.encode("utf-16")):
        if maximum is None:
            assert read_json("body", body) is built  # what stands in a string is no value
            continue
        with pytest.raises(LimitExceeded) as caught:
            read_json("body", body)
        assert (caught.value.limit, caught.value.maximum) == ("max_json_nodes", maximum)


def test_strings_without_end_are_no_json_and_not_gone_through_either() -> None:
    with pytest.raises(InvalidInput):
        read_json("body", '{"a":"' + "," * (2 * MAX_JSON_NODES))
    with pytest.raises(LimitExceeded):
        read_json("body", '{"a":"' + "," * (2 * MAX_JSON_NODES) + '"' * (10 * MAX_JSON_NODES))


def test_as_many_values_as_may_be_are_read_whatever_they_are() -> None:
    values: list[Any] = [[[]] * (MAX_JSON_NODES - 1), {str(number): [] for number in range(MAX_JSON_NODES - 1)}]
    for value in values:
        assert parse_json("payload", json.dumps(value)) == value


def test_a_batch_of_large_graphs_is_read() -> None:
    node = {"class_type": "KSampler", "inputs": {"seed": 2**63, "steps": 20, "model": ["4", 0], "text": "a, b, [c]"}}
    batch = [{"service": "comfyui", "payload": {str(number): node for number in range(150)}}] * 1_000
    assert read_json("body", json.dumps(batch)) == batch


async def test_such_a_body_is_413(hub: httpx.AsyncClient) -> None:
    answer = await hub.post("/api/jobs", content=b"[" + b"[]," * MAX_LIST_NODES + b"[]]")
    assert (answer.status_code, body_of(answer)["limit"]) == (413, "max_json_nodes")


async def test_large_bodies_are_read_one_at_a_time() -> None:
    second_began = threading.Event()

    def first(_: bytes) -> bool:
        return second_began.wait(0.2)

    def second(_: bytes) -> bool:
        second_began.set()
        return True

    body = b" " * LARGE_BYTES
    met, _ = await asyncio.gather(understand(body, first), understand(body, second))
    assert not met
