"""What is offered while a filter is typed."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.filter import FIELDS, MAX_LENGTH, FilterError, complete, parse
from tests.core.domain.filter.jobs import filter_texts

LIVE = {
    "customer": ["acme", "acme two", "ac*me", "beta"],
    "code": ["out_of_memory", "timeout"],
    "label": ["batch", "branch", "no spaces", "a:b"],
    "label.batch": ["42", "43"],
}


def live(field: str, prefix: str) -> Iterable[str]:
    return LIVE.get(field, ())


def offered(text: str, cursor: int | None = None) -> list[str]:
    """Each completion as the whole text that it makes."""
    end = len(text) if cursor is None else cursor
    return [text[: each.start] + each.text for each in complete(text, end, live)]


def test_an_empty_filter_is_offered_every_field() -> None:
    names = [name.partition(".")[0] for name in FIELDS]
    texts = offered("")
    assert [text.rstrip(":>.") for text in texts] == names
    assert texts[0] == "id:"
    assert "label." in texts
    assert "age>" in texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cu", ["customer:", "custom."]),
        ("-cus", ["-customer:", "-custom."]),
        ("gpu>1 cus", ["gpu>1 customer:", "gpu>1 custom."]),
        ("customer", ["customer:", "customer=", "customer!="]),
        ("age", ["age>", "age>=", "age<", "age<="]),
        ("zzz", []),
        ("label.", ["label.batch:", "label.branch:"]),
        ("label.ba", ["label.batch:"]),
        ("status.", []),
        ("label.batch:", ["label.batch:42", "label.batch:43"]),
        ("status:pen", ["status:pending"]),
        ("-status:pending,c", ["-status:pending,cancelling", "-status:pending,completed", "-status:pending,cancelled"]),
        ("held:", ["held:yes", "held:no"]),
        ("held:yes,", ["held:yes,no"]),
        ("customer:", ["customer:acme", 'customer:"acme two"', 'customer:"ac*me"', "customer:beta"]),
        ("customer=ac", ["customer=acme", 'customer="acme two"', 'customer="ac*me"']),
        ('customer:"acme ', ['customer:"acme two"']),
        ('customer:"acme two"', []),
        ('customer:"acme two",a', ['customer:"acme two",acme', 'customer:"acme two","ac*me"']),
        ("code:t", ["code:timeout"]),
        ("code:o", ["code:out_of_memory"]),
        ("gpu>", []),
        ("unknown:", []),
        ("customer: ", []),
        ("customer acme", []),
        (":", []),
        ("gpu!", []),
    ],
)
def test_what_is_offered_after(text: str, expected: list[str]) -> None:
    assert offered(text) == expected


def test_only_the_text_before_the_cursor_counts() -> None:
    assert offered("cust customer:acme", 4) == ["customer:", "custom."]


def test_nothing_is_offered_for_a_text_over_the_limit() -> None:
    assert offered("a" * (MAX_LENGTH + 1)) == []


def test_fields_and_fixed_values_have_help() -> None:
    assert {each.help for each in complete("gpu_mod", 7, live)} == {FIELDS["gpu_model"].help}
    assert {each.help for each in complete("status:fail", 11, live)} == {"failed for good; its code says why"}


@given(st.text("acst:-, \"'<>=!.*\\\u202e", max_size=20), st.integers(0, 20))
def test_any_text_is_offered_something_or_nothing(text: str, cursor: int) -> None:
    assert isinstance(complete(text, cursor, live), list)


@given(filter_texts, st.data())
def test_a_value_that_is_offered_can_be_read(text: str, data: st.DataObject) -> None:
    cursor = data.draw(st.integers(0, len(text)))
    for whole in offered(text, cursor):
        if not whole.endswith((":", "=", ">", "<", ".")):
            try:
                parse(whole)
            except FilterError as error:
                pytest.fail(f"{whole!r}: {error}")
