"""The queue at a glance: how much waits, and who is there to do it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from emp_cli.output.asked import asked
from emp_core.domain.durations import duration
from emp_core.domain.trend import Span, Trend
from emp_core.domain.views import time_view

if TYPE_CHECKING:
    from emp_core.client.async_emp import QueueInfo
    from emp_core.domain.backlog import Backlog, Need
    from emp_core.store import Summary


RATE_MINUTES = 5
TREND_MINUTES = 60
"""What `facts` and `summary_view` are told of."""

KINDS = 5
"""Kinds of jobs that are listed."""


def summary_view(found: "Summary", trend: Trend, backlog: "Backlog", queue: "QueueInfo") -> dict[str, Any]:
    """The summary as JSON."""
    waited = None if found.oldest_pending_ms is None else found.oldest_pending_ms / 1000
    view = {name: value for name, value in asdict(found).items() if name not in ("oldest_pending_ms", "at")}
    hour = trend.last(TREND_MINUTES)
    return {
        "at": time_view(found.at),
        **view,
        "oldest_pending_seconds": waited,
        "waiting": [_need_view(need, found.at) | asdict(need.offer) for need in backlog.waiting],
        "never": [{**_need_view(need, found.at), "why": need.why} for need in backlog.never],
        "kinds_exact": backlog.exact,
        "flow": _flow_view(trend),
        "failures_last_hour": hour and dict(hour.failures),
        "queue": asdict(queue),
    }


def _need_view(need: "Need", now: int) -> dict[str, Any]:
    oldest = max(0, now - need.oldest_at) / 1000
    return {"requirements": need.asks.to_json(), "jobs": need.pending, "oldest_seconds": oldest}


def _flow_view(trend: Trend) -> dict[str, Any] | None:
    now, before = trend.last(RATE_MINUTES), trend.last(RATE_MINUTES, before=RATE_MINUTES)
    if now is None:
        return None
    rates = {"in_per_minute": _entering(now), "out_per_minute": _leaving(now)}
    changes = {"in_change": _change(_entering, now, before), "out_change": _change(_leaving, now, before)}
    return {**rates, **changes, "wait_p50_seconds": now.wait(0.5), "wait_p95_seconds": now.wait(0.95)}


def facts(found: "Summary", trend: Trend, backlog: "Backlog", queue: "QueueInfo") -> Iterator[tuple[str, str]]:
    """The summary as lines."""
    yield "context", queue.context
    yield from counts(found)
    yield from kinds(backlog, found.at)
    yield from flow(trend)
    yield "queue", f"{queue.engine} ({queue.source})"
    yield "durability", durability_of(queue.durability)


def counts(found: "Summary") -> Iterator[tuple[str, str]]:
    """What waits, and who is there to do it, as lines."""
    yield "jobs", _counts(found.jobs) or "none"
    if found.held:
        yield "held", f"{found.held} of the delayed jobs (emp jobs --status held)"
    if found.oldest_pending_ms is not None:
        classes = "1 kind of job" if found.classes_waiting == 1 else f"{found.classes_waiting} kinds of jobs"
        least = "" if found.oldest_pending_exact else "at least "
        yield "waiting", f"the oldest for {least}{duration(found.oldest_pending_ms / 1000)}; {classes}"
    if found.unworkable_jobs:
        least = "" if found.unworkable_exact else "at least "
        yield "stuck", f"{least}{found.unworkable_jobs} that no live worker can run (emp jobs --unworkable)"
    if found.memory and found.memory.is_crowded:
        yield "memory", found.memory.sentence()
    yield (
        "workers",
        f"{_counts(found.workers)}; {found.busy_slots} of {found.slots} slots busy" if found.workers else "none",
    )
    yield (
        "services",
        _counts(found.services) or ("none is up (emp workers shows why)" if found.workers else ""),
    )


def kinds(backlog: "Backlog", now: int) -> Iterator[tuple[str, str]]:
    """Which kinds of jobs wait for longest, and which can never run, as lines; only the first of each has a label."""
    yield from _listed("oldest", [waiting_words(need, now) for need in backlog.waiting], backlog.more_waiting)
    yield from _listed("never", [never_words(need) for need in backlog.never], backlog.more_never)
    if not backlog.exact:
        yield "", "these are minimums: more kinds of jobs wait than were read"


def _listed(label: str, sentences: Sequence[Sequence[str]], left_out: int) -> Iterator[tuple[str, str]]:
    rest = [others(left_out)] if left_out else []
    for place, text in enumerate([*map(" ".join, sentences), *rest]):
        yield "" if place else label, text


def others(kinds: int) -> str:
    """`and 3 other kinds of jobs`."""
    return f"and {kinds:,} other {'kind' if kinds == 1 else 'kinds'} of jobs"


def waiting_words(need: "Need", now: int) -> tuple[str, str, str]:
    """`12 ask for`, `comfyui, gpu_memory_gb 24:`, `oldest 5m, 4 workers fit`."""
    workers = "1 worker fits" if need.offer.workers == 1 else f"{need.offer.workers:,} workers fit"
    oldest = f"oldest {duration(max(0, now - need.oldest_at) / 1000)}"
    return _asking(need), f"{asked(need.asks) or 'nothing'}:", f"{oldest}, {workers}"


def never_words(need: "Need") -> tuple[str, str, str]:
    """`3 ask for`, `comfyui, gpu_memory_gb 96:`, `gpu1:0 would fit if gpu_memory_gb were 96 (has 24)`."""
    return _asking(need), f"{asked(need.asks) or 'nothing'}:", need.why


def _asking(need: "Need") -> str:
    return f"{need.pending:,} {'asks' if need.pending == 1 else 'ask'} for"


def flow(trend: Trend) -> Iterator[tuple[str, str]]:
    """How fast jobs come and go, and what fails; nothing if nothing was counted yet."""
    now, before = trend.last(RATE_MINUTES), trend.last(RATE_MINUTES, before=RATE_MINUTES)
    if now is not None:
        ways = (("in", _entering), ("out", _leaving))
        rates = [f"{rate(now):.1f}/min {way}{_signed(_change(rate, now, before))}" for way, rate in ways]
        waits = [(name, now.wait(share)) for name, share in (("p50", 0.5), ("p95", 0.95))]
        known = " ".join(f"{name} {duration(wait)}" for name, wait in waits if wait is not None)
        yield "flow", f"{', '.join(rates)}{f', waits {known}' if known else ''} (last {RATE_MINUTES} minutes)"
    hour = trend.last(TREND_MINUTES)
    if hour is not None and hour.failed:
        often_first = dict(sorted(hour.failures.items(), key=lambda entry: -entry[1]))
        yield "failed", f"{hour.failed} in the last hour: {_counts(often_first)}"


def _entering(span: Span) -> float:
    return span.per_minute(span.entered)


def _leaving(span: Span) -> float:
    return span.per_minute(span.ended)


def _change(rate: Callable[[Span], float], now: Span, before: Span | None) -> float | None:
    return None if before is None else rate(now) - rate(before)


def _signed(change: float | None) -> str:
    """` (+1.2)`; empty if it is not known or does not show."""
    return f" ({change:+.1f})" if change is not None and abs(change) >= 0.05 else ""


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def durability_of(durability: str) -> str:
    """What a restart of Redis costs."""
    if durability == "memory":
        return "memory only: a restart of Redis loses the queue"
    return durability if durability == "unknown" else f"on disk ({durability})"
