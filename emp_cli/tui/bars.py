"""Figures over time as bars, from zero up."""

from collections.abc import Sequence

EIGHTHS = " ▁▂▃▄▅▆▇█"


def bars(values: Sequence[float], height: int, most: float | None = None) -> list[str]:
    """The values as bars of at most so many lines, the top line first; `most` fills them all.

    A value above zero is always seen.
    """
    top = max(values, default=0) if most is None else most
    eighths = [_eighths(value, top, height) for value in values]
    return ["".join(EIGHTHS[max(0, min(8, each - 8 * line))] for each in eighths) for line in reversed(range(height))]


def _eighths(value: float, top: float, height: int) -> int:
    if value <= 0 or top <= 0:
        return 0
    return max(1, round(value / top * height * 8))


def stretched(values: Sequence[float], width: int) -> list[float]:
    """The latest values, each as wide as all of them have room for."""
    if not values or width <= 0:
        return []
    wide = max(1, width // len(values))
    return [value for value in values[-(width // wide) :] for _ in range(wide)]
