"""Reads the counters of `Trend`, which the functions keep in a hash for each minute."""

from typing import Any

from emp_core.domain.trend import MINUTE_MS, MINUTES_AT_MOST, WAITS, Span, Trend
from emp_core.errors import InvalidInput
from emp_core.store.codec import fields_of
from emp_core.store.connection import DAMAGED, Link


async def read_trend(link: Link, minutes: int) -> Trend:
    """The last minutes, the running one among them, in two round trips. Raises `InvalidInput`."""
    if not 1 <= minutes <= MINUTES_AT_MOST:
        raise InvalidInput("minutes", f"must be 1 to {MINUTES_AT_MOST}, not {minutes}")
    seconds, micros = await link.call("TIME")
    at = int(seconds) * 1000 + int(micros) // 1000
    minutes_read = range(at // MINUTE_MS - minutes + 1, at // MINUTE_MS + 1)
    reads = [("HGETALL", link.key(f"trend:{minute}")) for minute in minutes_read]
    since, *hashes = await link.read_many([("GET", link.key("trend.since")), *reads])
    if since is None or since is DAMAGED:
        return Trend(at=at, since=None, minutes=())
    counted = [(minute, _counters(flat)) for minute, flat in zip(minutes_read, hashes, strict=True)]
    begun = int(since) // MINUTE_MS
    spans = [_span(minute, counters, int(since), at) for minute, counters in counted if minute >= begun]
    return Trend(at=at, since=int(since), minutes=spans)


def _counters(flat: Any) -> dict[str, int]:
    return {} if flat is DAMAGED else {name: int(count) for name, count in fields_of(flat).items()}


def _span(minute: int, counters: dict[str, int], since: int, at: int) -> Span:
    begins = minute * MINUTE_MS
    waits = tuple(counters.get(name, 0) for name in WAITS)
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
