"""Texts become filters: what each form means, and one canonical text for each."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emp_core.domain.filter import (
    MAX_LENGTH,
    MAX_TERMS,
    MAX_VALUE,
    Duration,
    Filter,
    FilterError,
    Glob,
    Moment,
    Number,
    Operator,
    Term,
    Text,
    parse,
)
from tests.core.domain.filter.jobs import filter_texts

MATCHES, EQUALS, ABOVE, BELOW = Operator.MATCHES, Operator.EQUALS, Operator.ABOVE, Operator.BELOW

MEANINGS = {
    "": (),
    " \t\n": (),
    "customer:acme": (Term("customer", MATCHES, (Text("acme"),)),),
    "  customer:acme  type:x ": (Term("customer", MATCHES, (Text("acme"),)), Term("type", MATCHES, (Text("x"),))),
    "status:pending,failed": (Term("status", MATCHES, (Text("pending"), Text("failed"))),),
    "-type:upscale": (Term("type", MATCHES, (Text("upscale"),), negated=True),),
    "model:flux*,?": (Term("model", MATCHES, (Glob("flux*"), Glob("?"))),),
    'model:"flux*"': (Term("model", MATCHES, (Text("flux*"),)),),
    "model=flux*": (Term("model", MATCHES, (Text("flux*"),)),),
    "model!=a": (Term("model", MATCHES, (Text("a"),), negated=True),),
    "-model!=a": (Term("model", MATCHES, (Text("a"),)),),
    "error=a*": (Term("error", EQUALS, (Text("a*"),)),),
    'error:"a \\"b\\" \\\\ \\c"': (Term("error", MATCHES, (Text('a "b" \\ \\c'),)),),
    'error:"a,b",c': (Term("error", MATCHES, (Text("a,b"), Text("c"))),),
    "worker:gpu1:0": (Term("worker", MATCHES, (Text("gpu1:0"),)),),
    "model:a\\b-c=d": (Term("model", MATCHES, (Text("a\\b-c=d"),)),),
    "label.batch:42": (Term("label.batch", MATCHES, (Text("42"),)),),
    "label.a-b.c:1": (Term("label.a-b.c", MATCHES, (Text("1"),)),),
    "gpu:24,48": (Term("gpu", MATCHES, (Number(24), Number(48))),),
    "gpu=24": (Term("gpu", MATCHES, (Number(24),)),),
    "gpu!=24": (Term("gpu", MATCHES, (Number(24),), negated=True),),
    "gpu>=24GB": (Term("gpu", Operator.AT_LEAST, (Number(24),)),),
    "disk>500mb": (Term("disk", ABOVE, (Number(0.5),)),),
    "disk<=1.5T": (Term("disk", Operator.AT_MOST, (Number(1500),)),),
    "priority>-1": (Term("priority", ABOVE, (Number(-1),)),),
    "age>1h30m": (Term("age", ABOVE, (Duration(5_400_000),)),),
    "wait<0.5s": (Term("wait", BELOW, (Duration(500),)),),
    "ended<2d": (Term("ended", BELOW, (Duration(172_800_000),)),),
    "created>2026-11-30T08:00Z": (Term("created", ABOVE, (Moment(1_796_025_600_000),)),),
    "created>2026-11-30T09:00:00.001+01:00": (Term("created", ABOVE, (Moment(1_796_025_600_001),)),),
    "created>9999-12-31T23:59:59.999Z": (Term("created", ABOVE, (Moment(253_402_300_799_999),)),),
}

CANONICAL = {
    "  customer:acme   type:x ": "customer:acme type:x",
    'error:"OOM"': "error:OOM",
    'customer!="a b"': '-customer:"a b"',
    "model=flux*": 'model:"flux*"',
    'error:"a\\ \\\\"': 'error:"a\\\\ \\\\"',
    "gpu=24.0": "gpu:24",
    "disk>0.0000001": "disk>0.0000001",
    "disk>0.000001M": "disk>0.000000001",
    "disk>1000000000000000": "disk>1000000000000000",
    "age>90m": "age>1h30m",
    "age>0m": "age>0s",
    "wait<1.50s": "wait<1.5s",
    "created<2026-11-30T09:00:00.000+01:00": "created<2026-11-30T08:00:00Z",
    "created<2026-11-30T09:00:00.120Z": "created<2026-11-30T09:00:00.120Z",
}


@pytest.mark.parametrize("text", MEANINGS)
def test_a_text_has_its_meaning(text: str) -> None:
    assert parse(text).terms == MEANINGS[text]


@pytest.mark.parametrize("text", CANONICAL)
def test_a_filter_has_one_canonical_text(text: str) -> None:
    assert str(parse(text)) == CANONICAL[text]


@given(filter_texts)
def test_the_canonical_text_is_read_as_the_same_filter(text: str) -> None:
    found = parse(text)
    assert parse(str(found)) == found
    assert str(parse(str(found))) == str(found)


def read(text: str) -> Filter | FilterError:
    try:
        return parse(text)
    except FilterError as error:
        return error


FRAGMENTS = [
    *"-:=!<>,.\"'\\*? \n\t",
    *"aä0\u202e\x00\x1c\u2028\ud800",
    "status",
    "label.",
    "gpu",
    ">=",
    "24",
    "1h",
    '\\"',
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join) | st.text(max_size=60))
@example('error:"\\"')
@example("gpu:" + "9" * MAX_VALUE)
@example("disk:0.123456789TB,999999999999.9,0.000000001M")
@example("age>999999999d23h9999999999m0.001s")
@example("created>2026-13-31T00:00Z")
@example("created>0001-01-01T00:00+23:59")
@example("age>" + "9" * 250 + "d")
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    outcome = read(text)
    if isinstance(outcome, FilterError):
        assert 0 <= outcome.start <= outcome.end <= len(text)
    else:
        assert parse(str(outcome)) == outcome


def test_a_filter_of_the_longest_text_is_read() -> None:
    text = ("customer:" + ",".join(["a"] * MAX_LENGTH))[: MAX_LENGTH - 1] + "a"
    assert len(str(parse(text))) == MAX_LENGTH


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a" * (MAX_LENGTH + 1), "has 4,001 characters, the limit is 4,000"),
        (" " * (MAX_LENGTH + 1), "has 4,001 characters, the limit is 4,000"),
        ("gpu>1 " * (MAX_TERMS + 1), "has 65 terms, the limit is 64"),
        ("customer:" + "a" * (MAX_VALUE + 1), "a value must have 1 to 256 characters"),
        ("customer=" + ",".join(["*"] * 1_990), "has 7,968 characters, the limit is 4,000"),
    ],
)
def test_a_text_over_a_limit_is_refused(text: str, problem: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert caught.value.problem == problem


def test_as_many_terms_as_the_limit_are_read() -> None:
    assert len(parse("gpu>1 " * MAX_TERMS).terms) == MAX_TERMS
