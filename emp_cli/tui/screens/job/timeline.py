"""A job's past: the states as a bar with times, the attempts below it, then each event."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from textual.content import Content

from emp_cli.output.clean import one_line
from emp_cli.output.columns import STATE_STYLES, event_note, event_style
from emp_cli.output.details import DETAIL, words_of
from emp_cli.output.layout import Column
from emp_cli.output.units import moment
from emp_cli.tui.reads_job import Past, TimelineRead
from emp_cli.tui.screens.job.pane import DocumentPane
from emp_cli.tui.spans import Span, cells, spans_of, totals
from emp_cli.tui.text import join, line, themed
from emp_cli.tui.widgets.lines import BLANK, Line, table_lines
from emp_core.domain.durations import duration
from emp_core.domain.events import Event
from emp_core.domain.job import Job
from emp_core.domain.states import JobState

FULL = "█"


@dataclass(frozen=True, slots=True)
class Step:
    """An event, and what is shown beside it."""

    event: Event
    after: float
    """Seconds since the event before."""

    why: str


class TimelinePane(DocumentPane):
    """Enter on an event opens its worker."""

    name_in_tabs = "Timeline"
    read_as = TimelineRead

    def command(self, job_id: str) -> str:
        """The `emp` command that shows the same."""
        return f"emp job events {job_id}"

    def draw(self, job: Job, more: Past, at: int) -> None:
        """Show the past."""
        self.show(lambda width: list(_lines(more, at, width)))


def _lines(past: Past, at: int, width: int) -> Iterator[Line]:
    if not past.events:
        yield Line(line("no event is kept of this job", "$text-muted"))
        return
    spans = spans_of(past.events, at)
    yield from (Line(row, is_drawing=True) for row in _bar(spans, width))
    yield Line(_ends(past.events[0].at, spans[-1].end if spans else past.events[-1].at, at, width))
    yield Line(join(*(_total(state, seconds) for state, seconds in totals(spans).items()), gap="   "))
    yield BLANK
    if past.events[0].version > 1:
        yield Line(line(f"only the last {len(past.events)} events are kept", "$text-warning"))
    steps = list(_steps(past))
    yield from table_lines(steps, _columns(steps, at), at, width, _worker_key)


def _bar(spans: Sequence[Span], width: int) -> Iterator[Content]:
    """The states in their colours, and the number of each attempt below its begin."""
    sizes = cells(spans, width)
    yield Content("").join(
        [Content.styled(FULL * size, _style(span.state)) for span, size in zip(spans, sizes, strict=True)]
    )
    labels = _labels(spans, sizes)
    if labels:
        yield Content(labels).truncate(width)


def _labels(spans: Sequence[Span], sizes: Sequence[int]) -> str:
    """The numbers of the attempts; one that has no room behind the one before is left out."""
    text = ""
    for span, begin in zip(spans, accumulate(sizes, initial=0), strict=False):
        if span.attempt and (begin > len(text) or not text):
            text = f"{text.ljust(begin)}#{span.attempt}"
    return text


def _ends(begin: int, end: int, at: int, width: int) -> Content:
    left, right = moment(begin, at), moment(end, at)
    room = max(1, width - len(left) - len(right))
    return Content.styled(f"{left}{duration((end - begin) / 1000).center(room)}{right}", "$text-muted")


def _total(state: str, seconds: float) -> Content:
    return Content.styled("■ ", _style(state)) + line(f"{state} {duration(seconds)}")


def _style(state: str) -> str:
    return themed(STATE_STYLES[JobState(state)]) if state in list(JobState) else "$text-muted"


def _steps(past: Past) -> Iterator[Step]:
    reasons = {attempt.ended_at: one_line(words_of(attempt.detail), DETAIL) for attempt in past.attempts}
    before = past.events[0].at
    for event in past.events:
        note = (event_note(event), reasons.get(event.at, ""))
        yield Step(event, (event.at - before) / 1000, ": ".join(word for word in note if word))
        before = event.at


def _worker_key(step: Step) -> str | None:
    return f"worker {step.event.worker}" if step.event.worker else None


COLUMNS: Sequence[Column[Step]] = (
    Column("TIME", lambda step, now: moment(step.event.at, now)),
    Column("AFTER", lambda step, now: duration(step.after), "right"),
    Column("EVENT", lambda step, now: step.event.name, style=lambda step: event_style(step.event)),
    Column("STATE", lambda step, now: step.event.state),
    Column("WORKER", lambda step, now: step.event.worker, shrinks=True, optional=True),
    Column("ATTEMPT", lambda step, now: str(step.event.attempt or ""), "right", optional=True),
    Column("NOTE", lambda step, now: step.why, shrinks=True, optional=True),
)


def _columns(steps: Sequence[Step], at: int) -> list[Column[Step]]:
    return [each for each in COLUMNS if not each.optional or any(each.cell(step, at) for step in steps)]
