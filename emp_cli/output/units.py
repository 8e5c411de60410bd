"""Times and durations, as people read them and as they type them."""

import re
from datetime import datetime

from emp_core.domain.durations import UNITS, duration
from emp_core.errors import InvalidInput

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


def since(time_ms: int | None, now: int) -> str:
    """How long ago; empty where it never was."""
    return duration((now - time_ms) / 1000) if time_ms else ""


def clock(time_ms: int | None) -> str:
    """A time here, with date and zone: `2026-01-31 18:00:00 CET`."""
    return _here(time_ms).strftime("%Y-%m-%d %H:%M:%S %Z") if time_ms else ""


def moment(time_ms: int | None, now: int) -> str:
    """A time of day here, with its zone; with the date if it was another day."""
    if not time_ms:
        return ""
    return time_of_day(time_ms) if _here(time_ms).date() == _here(now).date() else clock(time_ms)


def time_of_day(time_ms: int) -> str:
    """A time of day here, with its zone: `18:00:00 CET`."""
    return _here(time_ms).strftime("%H:%M:%S %Z")


def _here(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000).astimezone()


def read_duration(field: str, text: str) -> float:
    """Seconds from `90`, `90s`, `10m`, `1h30m`, `2d`."""
    parts = _DURATION.fullmatch(text.strip().lower())
    if parts is None or not any(parts.groups()):
        raise InvalidInput(field, f"must be a duration such as 90s, 10m or 1h30m, not {text!r}")
    return sum(float(amount or 0) * size for amount, (_, size) in zip(parts.groups(), UNITS, strict=True))


def read_time(field: str, text: str, now: int) -> int:
    """ms since 1970, from a date and time (this machine's zone unless it names one) or a duration from now."""
    return _read_time(field, text, now, 1)


def time_ago(field: str, text: str, now: int) -> int:
    """The same, but a duration is counted back from now."""
    return _read_time(field, text, now, -1)


def _read_time(field: str, text: str, now: int, direction: int) -> int:
    try:
        return max(0, round(datetime.fromisoformat(text).astimezone().timestamp() * 1000))
    except (ValueError, OverflowError):
        pass
    try:
        return max(0, now + direction * round(read_duration(field, text) * 1000))
    except InvalidInput:
        distance = "10m from now" if direction > 0 else "10m (ago)"
        raise InvalidInput(field, f"must be a time such as 2026-01-31T18:00, or {distance}, not {text!r}") from None


def count_jobs(count: int) -> str:
    """Such as `1 job`."""
    return "1 job" if count == 1 else f"{count:,} jobs"


def count_workers(count: int) -> str:
    """Such as `1 worker`."""
    return "1 worker" if count == 1 else f"{count:,} workers"
