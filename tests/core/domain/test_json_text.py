"""JSON on its way in: what is refused, and that all else arrives as it was sent."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.json_text import check_json, dump_json, load_json, parse_json
from emp_core.domain.outcome import Failure
from emp_core.errors import InvalidInput, LimitExceeded

whole_text = st.text(st.characters(codec="utf-8"), max_size=20)
trees = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), whole_text),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(whole_text, inner, max_size=4)),
    max_leaves=20,
)


@given(trees)
def test_every_value_survives(value: Any) -> None:
    text = dump_json(value)
    assert repr(parse_json("payload", text)) == repr(value)
    assert dump_json(load_json(text)) == text


@pytest.mark.parametrize("seed", [2**53 + 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**40])
def test_seeds_of_64_bits_and_beyond_are_exact(seed: int) -> None:
    assert parse_json("payload", dump_json({"seed": seed})) == {"seed": seed}
    assert json.loads(dump_json(Failure(message="no", detail={"seed": seed})))["detail"] == {"seed": seed}


def test_a_key_that_stands_twice_is_not_repeated_whole() -> None:
    key = "k" * 100_000
    assert len(refusal(f'{{"{key}":1,"{key}":2}}')) < 200


def refusal(text: str | bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse_json("payload", text)
    assert caught.value.field == "payload"
    return caught.value.problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ('{"a": 1e999}', "has a number that JSON cannot hold"),
        ('{"a": 1, "b": {"c": 1, "c": 1}}', "the key 'c' appears twice in one object"),
        ('{"a": "\\ud800"}', "has a lone surrogate"),
        ('{"\\udc00": 1}', "has a lone surrogate"),
        ('{"a": 1', "is not JSON"),
        ("", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        ("[" + "9" * 5000 + "]", "is not JSON"),
    ],
)
def test_what_the_readers_behind_emp_disagree_on_is_refused(text: str | bytes, problem: str) -> None:
    assert problem in refusal(text)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_64_levels_and_not_one_more() -> None:
    assert parse_json("payload", json.dumps(nested(64))) == nested(64)
    for text in (json.dumps(nested(65)), "[" * 100_000, "[" * 100_000 + "]" * 100_000):
        with pytest.raises(InvalidInput):
            parse_json("payload", text)
    with pytest.raises(LimitExceeded) as caught:
        parse_json("payload", json.dumps(nested(65)))
    assert (caught.value.limit, caught.value.maximum) == ("max_json_depth", 64)


def test_100_000_nodes_and_not_many_more() -> None:
    check_json("payload", [0] * 99_999)
    with pytest.raises(LimitExceeded) as caught:
        check_json("payload", [0] * 100_000)
    assert (caught.value.limit, caught.value.value) == ("max_json_nodes", 100_001)


def test_a_doubled_key_is_found_quickly_among_many() -> None:
    keys = ", ".join(f'"{number}": 0' for number in (*range(50_000), 49_999))
    assert "the key '49999'" in refusal(f"{{{keys}}}")


def test_keys_must_be_text() -> None:
    with pytest.raises(InvalidInput, match="has a key that is not text: 1"):
        check_json("payload", {1: 2})


def test_only_json_and_emp_s_own_records_can_be_written() -> None:
    with pytest.raises(TypeError):
        dump_json({"seed": 2**70, "odd": object()})
