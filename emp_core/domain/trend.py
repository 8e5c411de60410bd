"""`Trend`: what the queue did, minute by minute.

The functions of the store count each transition once, in its minute of Redis TIME. Every job that comes to be open is
`submitted` or `retried`, and ends as `completed`, `failed`, `cancelled` or `moved`: the difference is still open.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MINUTE_MS = 60_000
MINUTES_AT_MOST = 1_500
"""The 25 hours that are kept."""

KEPT_MS = (MINUTES_AT_MOST + 1) * MINUTE_MS
"""How long the counters of a minute are kept, from its beginning."""

WAIT_BOUNDS_MS = tuple(round(100 * 10 ** (step / 5)) for step in range(31))
"""A wait is counted by how many of these it reaches: five for each power of ten, from 0.1 s to above a day."""

WAITS = tuple(f"wait {bucket}" for bucket in range(len(WAIT_BOUNDS_MS) + 1))
COUNTERS = ("submitted", "retried", "again", "completed", "cancelled", "moved", *WAITS)
"""Those of a minute, beside one for each code of a failure."""


def wait_counter(wait_ms: float) -> str:
    """The counter of a first start after this wait."""
    return WAITS[bisect_right(WAIT_BOUNDS_MS, wait_ms)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What the queue did in some time: one minute, or several together."""

    at: int
    """When it begins, in ms since 1970."""

    seconds: float
    """How much of it was counted: less than its length if it is not over, or if counting began in it."""

    submitted: int = 0
    """Jobs that came in, also from another queue."""

    retried: int = 0
    """Ended jobs that an operator or a client had run anew."""

    started: int = 0
    """Attempts that a worker began; not those that it gave back because it lacked what the job needs."""

    completed: int = 0
    cancelled: int = 0
    moved: int = 0
    """Waiting jobs that another queue took over."""

    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    """Code -> jobs that failed for good."""

    waits: Sequence[int] = (0,) * len(WAITS)
    """How many jobs reached how many of `WAIT_BOUNDS_MS` before their first start, counted from when they could run.

    The time that an operator held a job does not count. A job that is retried waits anew."""

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def entered(self) -> int:
        """Jobs that came to be open."""
        return self.submitted + self.retried

    @property
    def ended(self) -> int:
        """Jobs that are open no longer."""
        return self.completed + self.failed + self.cancelled + self.moved

    def per_minute(self, count: int) -> float:
        """A count of this span as a rate. A span of less than a minute counts as a whole one."""
        return count * 60 / max(self.seconds, 60)

    def wait(self, share: float) -> float | None:
        """The seconds that this share of the jobs (0 to 1) waited at most for their first start; None if none started.

        It is exact to one bucket: the true wait is between 1.6 times shorter and 1.6 times longer. Waits of less than
        0.1 s are told as up to 0.1 s, and those of more than 100,000 s as 100,000 s.
        """
        wanted = share * sum(self.waits)
        passed = 0
        for bucket, count in enumerate(self.waits):
            if count and passed + count >= wanted:
                return _inside(bucket, max(0.0, wanted - passed) / count)
            passed += count
        return None


def _inside(bucket: int, part: float) -> float:
    """The seconds that are this far into a bucket, which is taken to hold its waits evenly."""
    bounds = (0, *WAIT_BOUNDS_MS, WAIT_BOUNDS_MS[-1])
    return (bounds[bucket] + part * (bounds[bucket + 1] - bounds[bucket])) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The last minutes of the whole queue."""

    at: int
    """When it was read: ms since 1970, Redis TIME."""

    since: int | None
    """When counting began; None: nothing was counted yet, so nothing can be said."""

    minutes: Sequence[Span]
    """The oldest first, the running one last; none before `since`."""

    def continued(self, newer: "Trend", minutes: int) -> "Trend | None":
        """The last minutes, of which `newer` has only the last ones; None: it does not follow on this.

        The minute that was running is not whole here, so `newer` must have it too.
        """
        running = self.at // MINUTE_MS * MINUTE_MS
        if newer.since != self.since or (newer.minutes and newer.minutes[0].at > running):
            return None
        first = newer.minutes[0].at if newer.minutes else newer.at
        begins = (newer.at // MINUTE_MS - minutes + 1) * MINUTE_MS
        kept = [span for span in self.minutes if begins <= span.at < first]
        return Trend(at=newer.at, since=newer.since, minutes=(*kept, *newer.minutes))

    def last(self, minutes: int, before: int = 0) -> Span | None:
        """The last minutes together, the running one among them, or those `before`; None if none was counted."""
        begins = self.at // MINUTE_MS - minutes - before
        wanted = [span for span in self.minutes if begins < span.at // MINUTE_MS <= begins + minutes]
        return total(wanted) if wanted else None


def total(spans: Sequence[Span]) -> Span:
    """Some spans, at least one and the earliest first, as one."""
    failures: Counter[str] = Counter()
    for span in spans:
        failures.update(span.failures)
    return Span(
        at=spans[0].at,
        seconds=sum(span.seconds for span in spans),
        submitted=sum(span.submitted for span in spans),
        retried=sum(span.retried for span in spans),
        started=sum(span.started for span in spans),
        completed=sum(span.completed for span in spans),
        cancelled=sum(span.cancelled for span in spans),
        moved=sum(span.moved for span in spans),
        failures=dict(failures),
        waits=tuple(map(sum, zip(*(span.waits for span in spans), strict=True))),
    )
