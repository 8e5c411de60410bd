"""What the overview says, as lines in which each number leads to the list behind it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from emp_cli.output.columns import event_note, event_style
from emp_cli.output.glance import never_words, others, waiting_words
from emp_cli.output.units import count_jobs, moment
from emp_cli.tui.asking import jobs_asking
from emp_cli.tui.bars import bars
from emp_cli.tui.text import themed
from emp_cli.tui.widgets.links import Line, Part
from emp_core.domain.backlog import Backlog, Need
from emp_core.domain.durations import duration
from emp_core.domain.events import Event
from emp_core.domain.filter import Filter
from emp_core.domain.folding import fold_names
from emp_core.domain.sizes import size
from emp_core.domain.standing import down
from emp_core.domain.trend import Trend
from emp_core.domain.worker import Worker

if TYPE_CHECKING:
    from emp_core.client.queue import Summary

LABEL = 10
WINDOW = 5
"""Minutes of a rate, and of what is compared with it."""

KINDS = 3
"""Kinds of jobs that are listed."""


def counts(summary: "Summary", trend: Trend) -> Iterator[Line]:
    """How many jobs are in which state, and how that changed in the last five minutes."""
    jobs, span = summary.jobs, trend.last(WINDOW)
    held = [_number(summary.held, "held")] if summary.held else []
    change = _change(span.entered - span.ended).strip() if span else ""
    yield _line(
        "waiting",
        _number(jobs["pending"], "pending"),
        _number(jobs["delayed"], "delayed"),
        _number(jobs["blocked"], "blocked"),
        *held,
        *([Part(f"{change} open", "$foreground-muted")] if change else []),
    )
    stopping = [_number(jobs["cancelling"], "cancelling")] if jobs["cancelling"] else []
    slots = Part(f"{summary.busy_slots:,} of {summary.slots:,} slots", to="workers")
    yield _line("running", _number(jobs["active"], "active", "$text-success"), *stopping, slots)
    failed = "$text-error" if jobs["failed"] else ""
    ended = {name: _change(getattr(span, name)) if span else "" for name in ("completed", "failed", "cancelled")}
    yield _line(
        "ended",
        _number(jobs["completed"], "completed", more=ended["completed"]),
        _number(jobs["failed"], "failed", failed, more=ended["failed"]),
        _number(jobs["cancelled"], "cancelled", more=ended["cancelled"]),
    )


def rates(trend: Trend, width: int) -> Iterator[Line]:
    """How fast jobs come and go, how long they wait, and how that was in the last hour."""
    span, before = trend.last(WINDOW), trend.last(WINDOW, before=WINDOW)
    if span is None:
        return
    room = max(0, min(60, width - LABEL - 30))
    minutes = list(trend.minutes)[-60:]
    for label, name in (("in", "entered"), ("out", "ended")):
        now = span.per_minute(getattr(span, name))
        then = before.per_minute(getattr(before, name)) if before else now
        yield _plot(label, f"{now:,.1f}/min{_arrow(now, then)}", [getattr(each, name) for each in minutes], room)
    middle, slow = span.wait(0.5), span.wait(0.95)
    if middle is not None and slow is not None:
        words = f"p50 {duration(middle)}  p95 {duration(slow)}"
        yield _plot("waits", words, [each.wait(0.95) or 0 for each in minutes], room)


def never(backlog: Backlog | None, jobs: int, width: int, kinds: int = KINDS) -> Iterator[Line]:
    """The jobs that no live worker can run, by what they ask, each with the smallest remedy."""
    if not jobs:
        return
    yield (Part(f"{jobs:,} {_jobs(jobs)} can never run", "bold $text-error", "jobs unworkable:yes"),)
    if backlog is None:
        return
    left_out = len(backlog.never) + backlog.more_never - kinds
    needs = [(need, never_words(need)) for need in backlog.never[:kinds]]
    yield from _kinds(needs, left_out, width, " unworkable:yes")


def _kinds(
    needs: Iterable[tuple[Need, tuple[str, str, str]]], left_out: int, width: int, more: str = ""
) -> Iterator[Line]:
    """A line for each kind of jobs, or two if it is too long; what they ask leads to them."""
    for need, (count, asks, why) in needs:
        head = Part(f"  {count} ", "$foreground-muted"), Part(asks, to=f"jobs {jobs_asking(need.asks)}{more}")
        if len(f"  {count} {asks} {why}") <= width:
            yield *head, Part(f" {why}", "$foreground-muted")
        else:
            yield head
            yield (Part(f"    {why}", "$foreground-muted"),)
    if left_out > 0:
        yield (Part(f"  {others(left_out)}", "$foreground-muted", "classes"),)


def oldest(summary: "Summary", backlog: Backlog | None, width: int, kinds: int = KINDS) -> Iterator[Line]:
    """How long the oldest pending jobs have waited, by what they ask, and how many workers could run them."""
    if backlog is None:
        yield _line("oldest", Part("reading what waits …", "$foreground-muted"))
        return
    if summary.oldest_pending_ms is None:
        return
    least = "" if summary.oldest_pending_exact else "at least "
    one = summary.classes_waiting == 1
    waiting = "1 kind of job waits" if one else f"{summary.classes_waiting:,} kinds of jobs wait"
    yield _line(
        "oldest",
        Part(f"waits for {least}{duration(summary.oldest_pending_ms / 1000)}"),
        Part(waiting, to="classes"),
    )
    needs = [(need, waiting_words(need, summary.at)) for need in backlog.waiting[:kinds]]
    yield from _kinds(needs, 0, width)


def failing(workers: Sequence[Worker]) -> Iterator[Line]:
    """The services that take no jobs, on which workers, and why."""
    outages: dict[tuple[str, str], list[str]] = {}
    for worker in workers:
        for service in sorted(down(worker)):
            outage = worker.outages.get(service)
            outages.setdefault((service, outage.why if outage else "down"), []).append(worker.id)
    for (service, why), names in sorted(outages.items(), key=lambda each: -len(each[1]))[:3]:
        where = fold_names(names)
        to = f"worker {names[0]}" if len(names) == 1 else "workers"
        yield Part(f"{service} fails", "bold $text-error"), Part(" on "), Part(where, "", to), Part(f": {why}")


def failures(trend: Trend) -> Iterator[Line]:
    """How many jobs failed in the last hour, by what failed them."""
    span = trend.last(60)
    codes = Counter(span.failures).most_common(KINDS) if span else []
    if span and codes:
        said = ", ".join(f"{count:,} {code}" for code, count in codes)
        link = Part(f"{span.failed:,} in the last hour", "$text-error", "jobs status:failed ended<1h")
        yield _line("failed", link, Part(said, "$foreground-muted"))


def fleet(workers: Sequence[Worker]) -> Line:
    """How many workers there are, by state."""
    states = Counter(worker.state.value for worker in workers)
    said = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    return _line("workers", Part(said or "none", "" if workers else "$text-error", "workers"))


def events(happened: Sequence[Event], now: int) -> Iterator[Line]:
    """The last events, the newest first, each with the ways to its job and its worker."""
    if happened:
        yield (Part("last events", "$foreground-muted", "events"),)
    for event in reversed(happened):
        style = themed(event_style(event))
        yield (
            Part(f"  {moment(event.at, now)}  ", "$foreground-muted"),
            Part(event.name, style),
            Part(" " * max(2, 14 - len(event.name))),
            *([Part(event.job, to=f"job {event.job}"), Part("  ")] if event.job else []),
            *([Part(event.worker, to=f"worker {event.worker}"), Part("  ")] if event.worker else []),
            Part(event_note(event), "$foreground-muted"),
        )


def memory(summary: "Summary") -> Iterator[Line]:
    """How full Redis is, and who fills it."""
    found = summary.memory
    if found is None:
        return
    of = f" of {size(found.limit)} ({found.share:.0%})" if found.limit else ", no limit"
    yield _line(
        "redis",
        Part(f"{size(found.used)}{of}", "$text-error" if found.is_crowded else ""),
        Part(f"{count_jobs(found.waiting)} waiting, {found.recent + found.older:,} ended", "$foreground-muted"),
    )


def _line(label: str, *parts: Part) -> Line:
    gaps = [Part("   ")] * len(parts)
    between = [each for pair in zip(parts, gaps, strict=True) for each in pair][:-1]
    return (Part(label.ljust(LABEL), "$foreground-muted"), *between)


def _plot(label: str, words: str, values: Sequence[float], width: int) -> Line:
    return (
        Part(label.ljust(LABEL), "$foreground-muted"),
        Part(words.ljust(max(24, len(words) + 2))),
        Part(bars(values[-width:] if width else (), 1)[0], "$primary"),
    )


def _number(count: int, state: str, style: str = "", more: str = "") -> Part:
    return Part(f"{count:,} {state}{more}", style if count else "$foreground-muted", f"jobs {Filter.of(status=state)}")


def _change(count: int) -> str:
    return f" {count:+,}" if count else ""


def _arrow(now: float, then: float) -> str:
    if then and now > then * 1.1:
        return " ▲"
    return " ▼" if now < then * 0.9 else ""


def _jobs(count: int) -> str:
    return "job" if count == 1 else "jobs"
