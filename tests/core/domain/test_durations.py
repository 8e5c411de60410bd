"""Durations as they are typed and kept: what is one, and one shortest text for each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.durations import MAX_MS, duration_ms, exact_duration


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("0.5s", 500),
        ("0.005s", 5),
        ("90s", 90_000),
        ("10m", 600_000),
        ("1h30m", 5_400_000),
        ("2d", 172_800_000),
        ("1d2h3m4.5s", 93_784_500),
        ("1d4s", 86_404_000),
        ("", None),
        ("10", None),
        ("10x", None),
        ("-1s", None),
        ("1.5h", None),
        ("0.0005s", None),
        ("30m1h", None),
        ("1h 30m", None),
        ("1H", None),
        ("\u0661s", None),
        ("999999999999d", None),
        ("9" * 999 + "s", None),
    ],
)
def test_a_text_is_a_duration_or_none(text: str, ms: int | None) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (5, "0.005s"), (1_500, "1.5s"), (60_000, "1m"), (5_400_000, "1h30m"), (86_400_001, "1d0.001s")],
)
def test_a_duration_has_one_shortest_text(ms: int, text: str) -> None:
    assert exact_duration(ms) == text


@given(st.integers(0, MAX_MS))
def test_the_text_of_a_duration_is_read_as_the_same(ms: int) -> None:
    assert duration_ms(exact_duration(ms)) == ms
