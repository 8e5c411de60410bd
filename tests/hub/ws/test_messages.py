"""Whatever a client sends is understood, or refused with the field."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemons.hub.ws.messages import MESSAGES, TOPICS, Asked, SubscribeJobs, read_message
from emp_core.errors import InvalidInput

NAMES = ["type", "topic", "ref", "job", "job_id", "where", "limit", "after", "log", "preview", "subscription", "reason"]
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.integers(), max_size=2)
)


def understood(text: str) -> Asked | str:
    """The message, or the field that is wrong."""
    try:
        return read_message(text)
    except InvalidInput as error:
        return error.field


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from([*MESSAGES, "subscribe", "", "Submit"])},
        optional={"topic": st.sampled_from([*TOPICS, "nothing"]), **dict.fromkeys(NAMES[2:], VALUES)},
    )
)
def test_any_object_is_a_message_or_refused_by_its_field(body: dict[str, Any]) -> None:
    read = understood(json.dumps(body))
    if isinstance(read, str):
        assert read.partition(".")[0] in (*NAMES, "message")
    else:
        assert read.model_dump(exclude_defaults=True).keys() <= body.keys()


@given(st.one_of(st.text(), st.binary()))
def test_what_is_no_json_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidInput):
        read_message(text)


def test_a_filter_may_be_left_out() -> None:
    assert read_message('{"type":"subscribe","topic":"jobs"}') == SubscribeJobs()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"type":"sbumit"}', "did you mean submit?"),
        ('{"type":"subscribe","topic":"event"}', "did you mean events?"),
    ],
)
def test_a_typing_error_is_told_with_the_word_that_was_meant(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said.replace("?", r"\?")):
        read_message(text)
