"""Durations as people read them."""

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
