"""Reads the counters of `Trend`, which the scripts keep in one hash an hour: `<minute> <counter>` -> number."""

from emp_core.domain.trend import HOUR_MS, MINUTE_MS, MINUTES_AT_MOST, WAIT_BUCKETS, Span, Trend
from emp_core.errors import InvalidInput
from emp_core.store.codec import fields_of
from emp_core.store.connection import DAMAGED, Link


async def read_trend(link: Link, minutes: int) -> Trend:
    """The last minutes, the running one among them, in two round trips. Raises `InvalidInput`."""
    if not 1 <= minutes <= MINUTES_AT_MOST:
        raise InvalidInput("minutes", f"must be 1 to {MINUTES_AT_MOST}, not {minutes}")
    seconds, micros = await link.call("TIME")
    at = int(seconds) * 1000 + int(micros) // 1000
    first = at // MINUTE_MS - minutes + 1
    hours = range(first * MINUTE_MS // HOUR_MS, at // HOUR_MS + 1)
    reads = [("HGETALL", link.key(f"trend:{hour}")) for hour in hours]
    since, *hashes = await link.read_many([("GET", link.key("trend.since")), *reads])
    if since is None or since is DAMAGED:
        return Trend(at=at, since=None, minutes=())
    counted: dict[int, dict[str, int]] = {}
    for hour, flat in zip(hours, hashes, strict=True):
        for name, count in ({} if flat is DAMAGED else fields_of(flat)).items():
            minute, _, counter = name.partition(" ")
            counted.setdefault(hour * 60 + int(minute), {})[counter] = int(count)
    begun = max(first, int(since) // MINUTE_MS)
    spans = (_span(minute, counted.get(minute, {}), int(since), at) for minute in range(begun, at // MINUTE_MS + 1))
    return Trend(at=at, since=int(since), minutes=tuple(spans))


def _span(minute: int, counters: dict[str, int], since: int, at: int) -> Span:
    begins = minute * MINUTE_MS
    waits = _numbered(counters)
    return Span(
        at=begins,
        seconds=(min(begins + MINUTE_MS, at) - max(begins, since)) / 1000,
        submitted=counters.get("submitted", 0),
        retried=counters.get("retried", 0),
        started=sum(waits) + counters.get("again", 0),
        completed=counters.get("completed", 0),
        cancelled=counters.get("cancelled", 0),
        moved=counters.get("moved", 0),
        failures={name.removeprefix("failed "): n for name, n in counters.items() if name.startswith("failed ")},
        waits=waits,
    )


def _numbered(counters: dict[str, int]) -> tuple[int, ...]:
    return tuple(counters.get(f"wait {bucket}", 0) for bucket in range(WAIT_BUCKETS))
