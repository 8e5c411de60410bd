"""Waits in buckets, and minutes together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emp_core.domain.trend import MINUTE_MS, WAIT_BOUNDS_MS, WAITS, Span, Trend, total, wait_counter

AT = 1_000 * MINUTE_MS


def span(minute: int = 0, **counts: object) -> Span:
    return Span(**{"at": AT + minute * MINUTE_MS, "seconds": 60.0, **counts})  # type: ignore[arg-type]


def waits_of(*waits_ms: float) -> tuple[int, ...]:
    counters = [wait_counter(wait_ms) for wait_ms in waits_ms]
    return tuple(counters.count(name) for name in WAITS)


@pytest.mark.parametrize(
    ("wait_ms", "bucket"),
    [(-5, 0), (0, 0), (99, 0), (100, 1), (999, 5), (1_000, 6), (86_400_000, 30), (100_000_000, 31), (10**12, 31)],
)
def test_wait_is_counted_by_the_bounds_that_it_reaches(wait_ms: int, bucket: int) -> None:
    assert wait_counter(wait_ms) == f"wait {bucket}"


@given(st.lists(st.integers(100, WAIT_BOUNDS_MS[-1] - 1), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_quantile_of_waits_is_within_one_bucket_of_the_true_one(waits_ms: list[int], share: float) -> None:
    true = sorted(waits_ms)[max(0, -int(-share * len(waits_ms) // 1) - 1)] / 1000
    found = span(waits=waits_of(*waits_ms)).wait(share)
    assert found is not None
    assert true / 1.6 <= found <= true * 1.6


def test_quantile_of_no_waits_is_none() -> None:
    assert span().wait(0.5) is None


def test_wait_above_all_bounds_is_told_as_the_last_bound() -> None:
    assert span(waits=waits_of(10**12)).wait(0.5) == 100_000


def test_total_adds_counts_codes_waits_and_seconds() -> None:
    first = span(0, submitted=1, retried=1, failures={"error": 1, "lost": 1}, waits=waits_of(200))
    second = span(1, seconds=30.0, submitted=2, completed=3, failures={"error": 1}, waits=waits_of(200, 5_000))
    both = total([first, second])
    assert (both.at, both.seconds, both.entered, both.ended) == (AT, 90.0, 4, 6)
    assert (both.failures, both.waits) == ({"error": 2, "lost": 1}, waits_of(200, 200, 5_000))


def test_rate_is_of_the_time_that_was_counted() -> None:
    assert span(seconds=150.0).per_minute(5) == 2


def test_rate_of_less_than_a_minute_is_not_blown_up() -> None:
    assert span(seconds=0.5).per_minute(3) == 3


def test_last_minutes_end_with_the_running_one_and_those_before_follow_on() -> None:
    spans = [span(minute, submitted=10**minute) for minute in range(5)]
    trend = Trend(at=AT + 4 * MINUTE_MS + 1, since=0, minutes=spans)
    windows = [trend.last(2), trend.last(2, before=2), trend.last(2, before=4)]
    assert [window and window.submitted for window in windows] == [11_000, 110, 1]


def test_minutes_that_were_not_counted_are_none() -> None:
    assert Trend(at=AT, since=None, minutes=()).last(5) is None
    assert Trend(at=AT, since=AT, minutes=[span()]).last(5, before=5) is None


def read_at(minute: int, *spans: Span, since: int = AT - 10 * MINUTE_MS) -> Trend:
    return Trend(at=AT + minute * MINUTE_MS + 5_000, since=since, minutes=spans)


def test_trend_goes_on_with_the_minutes_that_were_read_since() -> None:
    before = read_at(1, span(-1, submitted=1), span(0, submitted=2), span(1, submitted=3))
    newer = read_at(2, span(1, submitted=7), span(2, submitted=4))
    found = before.continued(newer, 3)
    assert found is not None
    assert (found.at, [each.submitted for each in found.minutes]) == (newer.at, [2, 7, 4])


@pytest.mark.parametrize(
    "newer",
    [
        read_at(3, span(2), span(3)),
        read_at(1, span(1), since=AT),
        Trend(at=AT + 2 * MINUTE_MS, since=None, minutes=()),
    ],
    ids=["the running minute was not read to its end", "counting began anew", "nothing is counted any more"],
)
def test_trend_does_not_go_on_with_what_does_not_follow(newer: Trend) -> None:
    assert read_at(1, span(0), span(1)).continued(newer, 60) is None


def test_trend_of_a_queue_that_counted_nothing_goes_on() -> None:
    newer = Trend(at=AT + MINUTE_MS, since=None, minutes=())
    assert Trend(at=AT, since=None, minutes=()).continued(newer, 60) == newer
