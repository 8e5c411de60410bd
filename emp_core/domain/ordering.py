"""The order of jobs: highest priority first, then the oldest. Exact, in one double.

score = priority * 2^46 + (2^46 - 1 - tick), highest first, below 2^53 for every priority and for every tick up to 2094.
`tick` counts 1/32 ms since 2025-01-01; the queue draws it from Redis TIME, each at least one more than the last, so
that the order of submission holds within a millisecond too.

The library of functions gets these numbers and formulas from here (`store/lua_formula.py`).
"""

TICKS_PER_MS = 32
EPOCH_MS = 1_735_689_600_000
"""2025-01-01T00:00:00Z."""

TICK_SPAN = 2**46
LAST_TICK = TICK_SPAN - 1
MIN_PRIORITY, DEFAULT_PRIORITY, MAX_PRIORITY = 0, 50, 100


def tick_at(time_ms: float) -> int:
    """The tick of a time, clamped to the span that a score can hold."""
    return min(max(int((time_ms - EPOCH_MS) * TICKS_PER_MS), 0), LAST_TICK)


def time_of(tick: int) -> float:
    """The time of a tick, in ms since 1970."""
    return EPOCH_MS + tick / TICKS_PER_MS


def score(priority: int, tick: int) -> int:
    """A job's place: of two jobs the one with the higher score is claimed first."""
    return priority * TICK_SPAN + (LAST_TICK - tick)


def priority_of(place: int) -> int:
    """The priority of a score."""
    return place // TICK_SPAN


def tick_of(place: int) -> int:
    """The tick of a score."""
    return LAST_TICK - place % TICK_SPAN


def parts(place: int) -> tuple[int, int]:
    """The priority and the tick of a score."""
    return priority_of(place), tick_of(place)
