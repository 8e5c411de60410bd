"""Where time comes from, so that tests can hold it still."""

import time
from typing import Protocol


class Clock(Protocol):
    """Reads the wall clock (for people) and the monotonic one (for limits)."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()
