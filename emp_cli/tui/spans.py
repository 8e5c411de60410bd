"""A job's past as a bar: how long it was in each state, attempt by attempt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from emp_core.domain.events import Event
from emp_core.domain.states import RUNNING, TERMINAL


@dataclass(frozen=True, slots=True)
class Span:
    """A time in one state. Times are ms since 1970."""

    state: str
    begin: int
    end: int
    attempt: int = 0
    """The attempt that ran; 0: none did."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.begin) / 1000


def spans_of(events: Sequence[Event], now: int) -> list[Span]:
    """The spans between events; an ended job's last event has none."""
    changes = [event for event in events if event.state]
    pairs = list(pairwise(changes))
    spans = [_span(event, following.at) for event, following in pairs]
    if changes and changes[-1].state not in TERMINAL:
        spans.append(_span(changes[-1], max(now, changes[-1].at)))
    return list(_merged(spans))


def _span(event: Event, end: int) -> Span:
    return Span(event.state, event.at, end, event.attempt if event.state in RUNNING else 0)


def _merged(spans: Sequence[Span]) -> Iterator[Span]:
    """One span for what changed neither state nor attempt, such as a new priority."""
    open_span: Span | None = None
    for span in spans:
        if open_span and (open_span.state, open_span.attempt) == (span.state, span.attempt):
            open_span = Span(span.state, open_span.begin, span.end, span.attempt)
            continue
        if open_span:
            yield open_span
        open_span = span
    if open_span:
        yield open_span


def cells(spans: Sequence[Span], width: int) -> list[int]:
    """How many cells of a bar each span takes: by its length, and at least one while there is room for all."""
    least = 1 if len(spans) <= width else 0
    total = sum(span.seconds for span in spans)
    spare = width - least * len(spans)
    if total <= 0:
        return [least] * len(spans)
    shares = [span.seconds / total * spare for span in spans]
    taken = [least + int(share) for share in shares]
    by_rest = sorted(range(len(spans)), key=lambda place: int(shares[place]) - shares[place])
    for place in by_rest[: width - sum(taken)]:
        taken[place] += 1
    return taken


def totals(spans: Sequence[Span]) -> dict[str, float]:
    """The seconds in each state, in the order in which they came."""
    seconds: dict[str, float] = {}
    for span in spans:
        seconds[span.state] = seconds.get(span.state, 0) + span.seconds
    return seconds
