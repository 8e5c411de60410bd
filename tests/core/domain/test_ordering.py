"""The score keeps the exact order, in a double and as text, from 2025 to 2094."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.ordering import EPOCH_MS, MAX_PRIORITY, TICK_SPAN, TICKS_PER_MS, parts, score, tick_at, time_of

priorities = st.integers(0, MAX_PRIORITY)
ticks = st.one_of(st.integers(0, TICK_SPAN - 1), st.sampled_from([0, 1, TICK_SPAN - 2, TICK_SPAN - 1]))
places = st.tuples(priorities, ticks)


def ms(year: int) -> int:
    return round(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)


@given(places, places)
def test_higher_priority_first_and_then_the_older(one: tuple[int, int], other: tuple[int, int]) -> None:
    before = (-one[0], one[1]) < (-other[0], other[1])
    assert (score(*one) > score(*other)) == before
    assert (float(score(*one)) > float(score(*other))) == before
    assert (score(*one) == score(*other)) == (one == other)


@given(places, st.integers(-3, 3))
def test_neighbours_are_told_apart(place: tuple[int, int], step: int) -> None:
    priority, tick = place
    near = min(max(tick + step, 0), TICK_SPAN - 1)
    assert (float(score(priority, near)) < float(score(priority, tick))) == (near > tick)


@given(places)
def test_a_score_is_exact_as_a_double_and_through_text(place: tuple[int, int]) -> None:
    exact = score(*place)
    assert float(exact) == exact < 2**53
    assert f"{float(str(exact)):.0f}" == str(exact)
    assert parts(exact) == place


@given(st.integers(ms(2025), ms(2094)), st.integers(ms(2025), ms(2094)))
def test_every_ms_from_2025_to_2094_has_ticks_of_its_own(one: int, other: int) -> None:
    assert (tick_at(one) < tick_at(other)) == (one < other)
    assert tick_at(one + 1) - tick_at(one) == TICKS_PER_MS
    assert 0 <= tick_at(one) < TICK_SPAN
    assert time_of(tick_at(one)) == one


def test_other_times_are_brought_into_the_span() -> None:
    assert tick_at(EPOCH_MS) == tick_at(0) == 0
    assert tick_at(ms(2200)) == TICK_SPAN - 1
    assert ms(2094) < time_of(TICK_SPAN - 1) < ms(2095)
