"""Bars are scaled from zero, and a value above zero is always seen."""

from emp_cli.tui.bars import bars, stretched


def test_bars_begin_at_zero() -> None:
    assert bars([8, 16], 1) == ["▄█"]
    assert bars([0, 0], 1) == ["  "]
    assert bars([], 2) == ["", ""]


def test_bars_of_several_lines_are_filled_from_below() -> None:
    assert bars([4, 2, 1], 2) == ["█  ", "██▄"]


def test_a_small_value_is_seen_beside_a_large_one() -> None:
    assert bars([1, 100_000], 1) == ["▁█"]


def test_values_fill_the_width_and_the_latest_stay() -> None:
    assert stretched([1, 2], 4) == [1, 1, 2, 2]
    assert stretched([1, 2, 3], 2) == [2, 3]
    assert stretched([], 5) == []
