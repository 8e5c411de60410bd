"""How far a job is."""

from collections.abc import Iterator

from textual.content import Content

from emp_cli.output.columns import state_of
from emp_cli.output.details import LABEL
from emp_cli.output.units import since
from emp_cli.tui.screens.job.pane import DocumentPane
from emp_cli.tui.text import line
from emp_cli.tui.widgets.lines import BLANK, Line, fact
from emp_core.domain.durations import duration
from emp_core.domain.job import Job
from emp_core.domain.states import RUNNING

FULL, EMPTY = "█", "░"


class ProgressPane(DocumentPane):
    """The bar and the last message. Enter on the worker opens it."""

    name_in_tabs = "Progress"

    def command(self, job_id: str) -> str:
        """The `emp` command that shows the same."""
        return f"emp job follow {job_id}"

    def draw(self, job: Job, more: None, at: int) -> None:
        """Show the progress."""
        self.show(lambda width: list(_lines(job, at, width)))


def _lines(job: Job, at: int, width: int) -> Iterator[Line]:
    if job.progress is None:
        yield Line(line(f"{state_of(job)}: no progress is known", "$text-muted"))
    else:
        yield Line(_bar(job.progress, width))
        yield Line(line(job.message or ""))
    yield BLANK
    for label, text, key in _facts(job, at):
        if text:
            yield fact(label, text, LABEL + 1, key=key)


def _bar(percent: float, width: int) -> Content:
    told = f" {percent:5.1f} %"
    room = max(1, width - len(told))
    full = round(room * min(100.0, max(0.0, percent)) / 100)
    bar = Content.styled(FULL * full, "$primary") + Content.styled(EMPTY * (room - full), "$text-muted")
    return bar + line(told.strip()).pad_left(1)


def _facts(job: Job, at: int) -> Iterator[tuple[str, str, str | None]]:
    if job.state not in RUNNING:
        return
    yield "worker", job.worker or "", f"worker {job.worker}"
    yield "attempt", f"{job.attempt}, for {since(job.claimed_at, at)}" if job.claimed_at else str(job.attempt), None
    yield "lease", f"ends in {duration(max(0, job.lease_until - at) / 1000)}" if job.lease_until else "", None
    yield "timeout", f"{duration(job.timeout_seconds)} for one attempt" if job.timeout_seconds else "", None
