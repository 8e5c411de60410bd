"""Labels as a request has them, and as the queue keeps them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.job import JobRequest
from emp_core.domain.labels import MAX_LABELS, labels_of, labels_text
from emp_core.errors import InvalidInput, LimitExceeded

printable = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=256).filter(
    str.isprintable
)
labels = st.dictionaries(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}", fullmatch=True), printable, max_size=16)


def parse(labels: Any) -> JobRequest:
    return JobRequest.parse({"service": "x", "labels": labels})


@given(labels)
def test_labels_are_kept_as_they_were_sent(sent: dict[str, str]) -> None:
    request = parse(sent)
    assert request.labels == sent
    assert labels_of(labels_text(request.labels)) == sent


def test_labels_are_in_the_order_of_their_names() -> None:
    assert list(parse({"b": "1", "a": "2"}).labels) == ["a", "b"]


@pytest.mark.parametrize(
    ("labels", "field", "message"),
    [
        (["a"], "labels", "must be an object"),
        (
            {"": "x"},
            "labels",
            "the name '' must have 1 to 63 of A-Z a-z 0-9 . _ / - and begin with a letter or a digit",
        ),
        ({"-a": "x"}, "labels", "the name '-a' must"),
        ({"a b": "x"}, "labels", "the name 'a b' must"),
        ({"a\n": "x"}, "labels", r"the name 'a\n' must"),
        ({"a" * 64: "x"}, "labels", "must have 1 to 63"),
        ({"batch": 42}, "labels.batch", 'must be text, not 42; write "42"'),
        ({"batch": True}, "labels.batch", "must be text, not True"),
        ({"batch": None}, "labels.batch", "must be text, not None"),
        ({"batch": "x" * 257}, "labels.batch", "has 257 characters, the limit is 256"),
        ({"batch": "a\x1b[31m"}, "labels.batch", r"has a character that cannot be printed: '\x1b'"),
        ({"batch": "a\nb"}, "labels.batch", r"cannot be printed: '\n'"),
        ({"batch": "\u202egnp"}, "labels.batch", r"cannot be printed: '\u202e'"),
        ({"batch": "\ud800"}, "labels.batch", r"cannot be printed: '\ud800'"),
    ],
)
def test_wrong_label_is_refused_by_its_name(labels: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(labels)
    assert refused.value.field == field
    assert message in refused.value.message


def test_more_labels_than_the_limit_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="max_labels"):
        parse({f"l{number}": "" for number in range(MAX_LABELS + 1)})


def test_labels_are_part_of_what_a_repeat_compares() -> None:
    digests = {parse(each).digest() for each in ({"a": "1"}, {"a": "2"}, {"b": "1"}, {"a": "1", "b": "1"})}
    assert len(digests) == 4
    assert parse({"a": "1", "b": "2"}).digest() == parse({"b": "2", "a": "1"}).digest()
    plain = JobRequest.parse({"service": "x"})
    assert parse({}).digest() == parse(None).digest() == plain.digest()


def test_request_with_labels_is_never_one_of_an_earlier_version() -> None:
    plain = JobRequest.parse({"service": "x"})
    assert plain.is_earlier(plain.earlier_digest())
    assert not parse({"a": "1"}).is_earlier(plain.earlier_digest())
