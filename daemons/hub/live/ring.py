"""`Ring`: the last events in memory, from which those who come back are served."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from emp_core.domain.events import Event

KEPT = 10_000


class Ring:
    """The newest events, in the order of the stream."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._events: list[Event] = []
        self._places: list[tuple[int, int]] = []
        self._from: tuple[int, int] = (0, 0)
        """Every event behind this place is here."""

    def begin(self, events: Sequence[Event], cursor: str) -> None:
        """Forget all, and go on from a cursor; of these events, the newest of the stream, those up to it are kept."""
        end = _place(cursor)
        self._events, self._places = [], []
        self._from = _before(events[0].cursor) if events else end
        self.add(event for event in events if _place(event.cursor) <= end)

    def add(self, events: Iterable[Event]) -> None:
        """The next events of the stream; the oldest make room."""
        for event in events:
            self._events.append(event)
            self._places.append(_place(event.cursor))
        surplus = len(self._events) - self._kept
        if surplus > self._kept // 10:  # a list that is shortened each time is copied each time
            self._from = self._places[surplus - 1]
            del self._events[:surplus], self._places[:surplus]

    def after(self, cursor: str) -> list[Event] | None:
        """The events behind a cursor; None if some of them are not here any more, or it is from the future."""
        place = _place(cursor)
        newest = self._places[-1] if self._places else self._from
        if not self._from <= place <= newest:
            return None
        return self._events[bisect_right(self._places, place) :]


def _place(cursor: str) -> tuple[int, int]:
    milliseconds, _, number = cursor.partition("-")
    return int(milliseconds), int(number or 0)


def _before(cursor: str) -> tuple[int, int]:
    milliseconds, number = _place(cursor)
    return (milliseconds, number - 1) if number else (milliseconds - 1, 1 << 63)
