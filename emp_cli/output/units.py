"""Times, durations and sizes, as people read them and as they type them."""

import re
from datetime import datetime

from emp_core.domain.durations import UNITS, duration
from emp_core.errors import InvalidInput

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


def since(time_ms: int | None, now: int) -> str:
    """How long ago; empty where it never was."""
    return duration((now - time_ms) / 1000) if time_ms else ""


def clock(time_ms: int | None) -> str:
    """A time of day here, with the date."""
    return datetime.fromtimestamp(time_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S") if time_ms else ""


def moment(time_ms: int, now: int) -> str:
    """A time of day here; with the date where it was another day."""
    day, today = clock(time_ms)[:10], clock(now)[:10]
    return time_of_day(time_ms) if day == today else clock(time_ms)


def time_of_day(time_ms: int) -> str:
    """A time of day here."""
    return datetime.fromtimestamp(time_ms / 1000).astimezone().strftime("%H:%M:%S")


def size(count: int) -> str:
    """`512 B`, `1.2 MB`; a MB has 10^6 bytes."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def read_duration(field: str, text: str) -> float:
    """Seconds from `90`, `90s`, `10m`, `1h30m`, `2d`."""
    parts = _DURATION.fullmatch(text.strip().lower())
    if parts is None or not any(parts.groups()):
        raise InvalidInput(field, f"must be a duration such as 90s, 10m or 1h30m, not {text!r}")
    return sum(float(amount or 0) * size for amount, (_, size) in zip(parts.groups(), UNITS, strict=True))


def read_time(field: str, text: str, now: int) -> int:
    """ms since 1970, from a date and time (this machine's zone unless it names one) or a duration from now."""
    try:
        return round(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except ValueError:
        pass
    try:
        return now + round(read_duration(field, text) * 1000)
    except InvalidInput:
        raise InvalidInput(field, f"must be a time such as 2026-01-31T18:00, or 10m from now, not {text!r}") from None
