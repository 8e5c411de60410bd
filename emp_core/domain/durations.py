"""Durations as people read them."""

import re
from itertools import pairwise

UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
"""The letter of each unit, and its seconds."""


def duration(seconds: float) -> str:
    """`0.4s`, `42s`, `2m10s`, `3h05m`, `2d04h`: two units at most."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    for (unit, size), (smaller, part) in pairwise(UNITS):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // part:02}{smaller}"
    return f"{whole}s"


MAX_MS = 10**15
"""Of a duration that is read; 31,000 years."""

_EXACT = re.compile(r"(?:([0-9]{1,15})d)?(?:([0-9]{1,15})h)?(?:([0-9]{1,15})m)?(?:([0-9]{1,15})(?:\.([0-9]{1,3}))?s)?")


def duration_ms(text: str) -> int | None:
    """The ms of `10m`, `1h30m`, `2d` or `0.5s`; None for other texts, such as a number without a unit."""
    found = _EXACT.fullmatch(text)
    if found is None or not text:
        return None
    *amounts, fraction = found.groups(default="0")
    seconds = sum(int(amount) * size for amount, (_, size) in zip(amounts, UNITS, strict=True))
    ms = seconds * 1000 + int(fraction.ljust(3, "0"))
    return ms if ms <= MAX_MS else None


def exact_duration(ms: int) -> str:
    """The shortest text that `duration_ms` reads as this."""
    seconds, fraction = divmod(ms, 1000)
    text = ""
    for unit, size in UNITS[:-1]:
        amount, seconds = divmod(seconds, size)
        text += f"{amount}{unit}" if amount else ""
    rest = f"{seconds}.{fraction:03}".rstrip("0").rstrip(".") if fraction else str(seconds)
    return f"{text}{rest}s" if seconds or fraction or not text else text
