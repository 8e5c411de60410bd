"""The attempts of a job that did not complete, with all that is known of their failures."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from emp_cli.output.details import ATTEMPT_COLUMNS, words_of
from emp_cli.output.units import moment
from emp_cli.tui.json_lines import json_lines, read_exactly
from emp_cli.tui.reads_job import AttemptsRead
from emp_cli.tui.screens.job.pane import DocumentPane
from emp_cli.tui.text import line
from emp_cli.tui.text import lines as clean_lines
from emp_cli.tui.widgets.lines import BLANK, Line, table_lines, title
from emp_core.domain.job import Job
from emp_core.domain.policy import POLICY

if TYPE_CHECKING:
    from emp_core.client.queue import Attempt

INDENT = Content("  ")


class AttemptsPane(DocumentPane):
    """A table of the attempts, then each one's own words. Enter opens its worker."""

    name_in_tabs = "Attempts"
    read_as = AttemptsRead

    def draw(self, job: Job, more: "Sequence[Attempt]", at: int) -> None:
        """Show the attempts."""
        self.show(lambda width: list(_lines(job, more, at, width)))


def _lines(job: Job, attempts: "Sequence[Attempt]", at: int, width: int) -> Iterator[Line]:
    if not attempts:
        told = "the last one completed or runs" if job.attempt else "no worker has claimed it yet"
        yield Line(line(f"no attempt has failed: {told}", "$text-muted"))
        return
    if len(attempts) >= POLICY.attempts_kept:
        yield Line(line(f"only the last {len(attempts)} are kept", "$text-warning"))
    yield from table_lines(attempts, ATTEMPT_COLUMNS, at, width, lambda each: f"worker {each.worker}")
    for attempt in reversed(attempts):
        yield from (BLANK, title(f"attempt {attempt.number}, {moment(attempt.ended_at, at)}"))
        yield Line(clean_lines(words_of(attempt.detail)), INDENT)
        yield from json_lines(_detail_of(attempt))


def _detail_of(attempt: "Attempt") -> Any:
    """What the connector says beside the message; nothing of an attempt that did not fail in a run."""
    try:
        failure = read_exactly(attempt.detail.encode()) if attempt.detail.startswith("{") else {}
    except ValueError:
        return {}
    detail = failure.get("detail")
    return detail if isinstance(detail, dict) else {}
