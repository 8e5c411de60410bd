"""Patterns mean what a plain reference says, and no pattern costs more than its length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.filter.globs import glob


def reference(pattern: str, text: str) -> bool:
    """Whether the whole text fits: what each prefix of the text can have reached of the pattern."""
    reached = {0}
    reached |= {at for at in range(len(pattern) + 1) if set(pattern[:at]) <= {"*"}}
    for character in text:
        forward = {
            at + 1 for at in reached if at < len(pattern) and pattern[at] in ("?", character) and pattern[at] != "*"
        }
        forward |= {at for at in reached if at < len(pattern) and pattern[at] == "*"}
        reached = {end for at in forward for end in _past_stars(pattern, at)}
    return len(pattern) in reached


def _past_stars(pattern: str, at: int) -> list[int]:
    ends = [at]
    while at < len(pattern) and pattern[at] == "*":
        at += 1
        ends.append(at)
    return ends


@given(st.text("ab*?[]!-\n\\.", max_size=8), st.text("ab[]!-\n\\.", max_size=8))
def test_a_pattern_equals_the_reference(pattern: str, text: str) -> None:
    assert glob(pattern)(text) is reference(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("*", "", True),
        ("?", "", False),
        ("flux*", "flux", True),
        ("flux*", "a flux", False),
        ("a*b*c", "aXbYc", True),
        ("a*b*c", "acb", False),
        ("[a-z]", "b", False),
        ("[a-z]", "[a-z]", True),
        ("a\\*", "a\\b", True),
    ],
)
def test_patterns(pattern: str, text: str, expected: bool) -> None:
    assert glob(pattern)(text) is expected


@pytest.mark.parametrize("pattern", ["a*" * 128 + "b", "*a" * 128 + "b", "*?" * 128 + "b", "*" * 255 + "b"])
def test_a_hostile_pattern_does_not_backtrack(pattern: str) -> None:
    """A matcher that backtracks would not end before the test's time is over."""
    assert not glob(pattern)("a" * 10_000)
