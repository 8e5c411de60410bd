"""A filter that cannot be read: what is said, where the carets stand, and what is suggested."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_cli.output.clean import clean
from emp_core.domain.filter import FilterError, parse, render
from emp_core.errors import InvalidInput


def error_of(text: str) -> FilterError | None:
    try:
        parse(text)
    except FilterError as error:
        return error
    return None


def refused(text: str) -> FilterError:
    error = error_of(text)
    assert error is not None
    return error


WRONG = {
    "custmer:acme": ("custmer", "unknown field 'custmer'; did you mean customer?"),
    "gpu>1 custmer:acme": ("custmer", "unknown field 'custmer'; did you mean customer?"),
    "state:failed": ("state", "unknown field 'state'; did you mean status?"),
    "gpu_memory_gb>=24": ("gpu_memory_gb", "unknown field 'gpu_memory_gb'; did you mean gpu?"),
    "label:42": ("label", "unknown field 'label'; did you mean label.NAME?"),
    "label.:42": ("label.", "unknown field 'label.'; did you mean label.NAME?"),
    "labl.batch:42": ("labl.batch", "unknown field 'labl.batch'; did you mean label.batch?"),
    "status.x:42": ("status.x", "unknown field 'status.x'; did you mean status?"),
    "qqqq:1": ("qqqq", "unknown field 'qqqq'"),
    "status:pending,runing": ("runing", "status has no value 'runing'; did you mean active?"),
    "status:pendin": ("pendin", "status has no value 'pendin'; did you mean pending?"),
    "isolation:s*": ("s*", "isolation has no value 's*': use strict"),
    "held:true": ("true", "held has no value 'true'; did you mean yes?"),
    "status>pending": (">", "status is a word: use status:blocked or status:delayed"),
    "customer>acme": (">", "customer is a name: use customer:NAME or customer:NA*"),
    "id>7": (">", "id is an id: use id:7f3a"),
    "error<x": ("<", 'error is a text: use error:"some words"'),
    "gpu:big": ("big", "gpu is a number: use gpu>=24, gpu<8 or gpu:24"),
    "gpu:2*": ("2*", "gpu is a number: use gpu>=24, gpu<8 or gpu:24"),
    "cpu>4gb": ("4gb", "cpu is a number: use cpu>=16, cpu<4 or cpu:16"),
    "age:10m": (":", "age is a duration: use age>10m or age<1h30m"),
    "age>10": ("10", "age is a duration: use age>10m or age<1h30m"),
    "age>30m1h": ("30m1h", "age is a duration: use age>10m or age<1h30m"),
    "ended<soon": (
        "soon",
        "ended is a time: use ended<1h (less than 1h ago) or ended>2026-01-31T18:00Z (a time with its zone)",
    ),
    "due<2026-01-31": (
        "2026-01-31",
        "due is a time: use due<1h (in less than 1h) or due>2026-01-31T18:00Z (a time with its zone)",
    ),
    "created>2026-02-30T00:00Z": (
        "2026-02-30T00:00Z",
        "created is a time: use created<1h (less than 1h ago) or created>2026-01-31T18:00Z (a time with its zone)",
    ),
    "gpu>=24,48": ("48", ">= takes one value"),
    'error:"abc': ('"abc', "the quote is not closed"),
    'error:"abc\\"': ('"abc\\"', "the quote is not closed"),
    "customer:": ("", "a value is missing after 'customer:'"),
    "customer: acme": ("", "a value is missing after 'customer:'"),
    "status:a,": ("", "a value is missing after the comma"),
    "status:pending, failed": ("", "a value is missing after the comma"),
    'customer:""': ('""', "a value must have 1 to 256 characters"),
    "customer:=a": ("=", "a value begins with ="),
    "error:'a b'": ("'", "a value is in single quotes"),
    'a:"b"c': ("c", "a space or a comma is missing after this value"),
    'a:b"c"': ('"', "a space or a comma is missing after this value"),
    "acme": ("acme", "'acme' has no operator and no value"),
    "gpu>1 acme gpu>1": ("acme", "'acme' has no operator and no value"),
    "failed": ("failed", "failed is not a field"),
    "-failed": ("failed", "failed is not a field"),
    "gpu!24": ("!", "! is no operator"),
    ":acme": (":", "a field is missing before ':'"),
    '"acme"': ('"', "a field is missing before '\"'"),
    "--a:b": ("-", "a field is missing before '-'"),
    "-\nx": ("\n", "a field is missing before '\\n'"),
    "-": ("", "a field is missing at the end"),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_named_with_its_place(text: str) -> None:
    error = refused(text)
    assert (error.found, error.problem) == WRONG[text]


def test_a_mistake_names_its_parameter() -> None:
    error = refused("custmer:acme")
    assert isinstance(error, InvalidInput)
    assert error.field == "where"
    assert error.message == "where: unknown field 'custmer'; did you mean customer?"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("failed", "did you mean status:failed?"),
        ("gpu!24", "write gpu!=VALUE"),
        ('customer:""', "-customer:* finds jobs without a value"),
        ("status:pending, failed", "write a,b without spaces"),
        ("error:'a b'", "use double quotes"),
    ],
)
def test_a_mistake_has_its_next_step(text: str, hint: str) -> None:
    assert refused(text).hint == hint


def test_carets_stand_under_the_mistake() -> None:
    assert render(refused("customer:acme status:runing gpu>1"), clean).splitlines() == [
        "customer:acme status:runing gpu>1",
        "                     ^^^^^^",
        "status has no value 'runing'; did you mean active?",
    ]


def test_a_caret_stands_where_something_is_missing() -> None:
    assert render(refused("customer:acme status:"), clean).splitlines() == [
        "customer:acme status:",
        "                     ^",
        "a value is missing after 'status:'",
    ]


def test_only_the_surroundings_of_a_mistake_are_shown() -> None:
    line, marks, _ = render(refused("gpu>1 " * 20 + "runing:" + "x" * 99 + " gpu>1" * 20), clean).splitlines()
    assert line.startswith("...")
    assert line.endswith("x...")
    assert line[marks.index("^") :].startswith("runing:xxx")
    assert len(line) < 100


def test_carets_stand_right_after_text_that_is_cleaned_away() -> None:
    line, marks, words = render(refused("customer:\x1b[31m\u202ea\ncustmer:x"), clean).splitlines()
    assert line == "customer:[31ma custmer:x"
    assert marks == "               ^^^^^^^"
    assert words == "unknown field 'custmer'; did you mean customer?"


@given(st.text(max_size=60) | st.text("a:-, '\n\x1b\u202e", max_size=9))
def test_a_message_has_no_control_characters_whatever_the_text_is(text: str) -> None:
    error = error_of(text)
    if error is not None:
        assert (error.message + error.hint).isprintable()
        assert len(render(error, clean).split("\n")) == 3
