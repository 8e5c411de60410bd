"""Times, durations and sizes."""

from datetime import datetime

import pytest

from emp_cli.output.units import read_duration, read_time
from emp_core.domain.durations import duration
from emp_core.domain.sizes import size
from emp_core.errors import InvalidInput


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0.0s"), (0.44, "0.4s"), (9.94, "9.9s"), (9.96, "10s"), (59.6, "1m00s"), (130, "2m10s"), (11_100, "3h05m")],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5s", 1.5), ("10m", 600), ("1h30m", 5_400), ("2d", 172_800), (" 5M ", 300)]
)
def test_a_typed_duration_is_read(text: str, seconds: float) -> None:
    assert read_duration("delay", text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "10x", "m10", "-5s"])
def test_what_is_no_duration_is_refused_with_the_options_name(text: str) -> None:
    with pytest.raises(InvalidInput, match="delay: must be a duration"):
        read_duration("delay", text)


def test_a_time_is_read_with_and_without_a_zone_and_as_a_distance() -> None:
    assert read_time("run_at", "2026-01-31T18:00:00Z", 0) == 1_769_882_400_000
    local = datetime(2026, 1, 31, 18, 0).astimezone()
    assert read_time("run_at", "2026-01-31 18:00", 0) == round(local.timestamp() * 1000)
    assert read_time("run_at", "10m", 5_000) == 605_000
    with pytest.raises(InvalidInput, match="run_at"):
        read_time("run_at", "tomorrow", 0)


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1_234, "1.2 kB"), (5 * 10**9, "5.0 GB")])
def test_sizes_count_in_thousands(count: int, text: str) -> None:
    assert size(count) == text
