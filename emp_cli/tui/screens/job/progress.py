"""How far a job is, and its latest preview."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from emp_cli.output.columns import state_of
from emp_cli.output.facts import LABEL
from emp_cli.output.units import since
from emp_cli.tui.picture import half_blocks, read_picture
from emp_cli.tui.reads_job import ProgressRead
from emp_cli.tui.screens.job.pane import DocumentPane
from emp_cli.tui.text import line
from emp_cli.tui.widgets.lines import BLANK, Line, fact
from emp_core.domain.durations import duration
from emp_core.domain.job import Job
from emp_core.domain.policy import MAX_PREVIEW
from emp_core.domain.sizes import size
from emp_core.domain.states import RUNNING

if TYPE_CHECKING:
    from PIL.Image import Image

    from emp_core.client.queue import Preview

FULL, EMPTY = "█", "░"

LEAST_ROWS = 8
"""Rows of a preview at least, however small the screen is."""


class ProgressPane(DocumentPane):
    """The bar, the last message and the preview. Enter on the worker opens it."""

    name_in_tabs = "Progress"
    read_as = ProgressRead

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._preview: Preview | None = None
        self._picture: Image | None = None

    def command(self, job_id: str) -> str:
        """The `emp` command that shows the same."""
        return f"emp job follow {job_id}"

    def draw(self, job: Job, more: "Preview | None", at: int) -> None:
        """Show the progress; the last preview stays when no other comes."""
        if more is not None and more != self._preview:
            self._preview, self._picture = more, None if more.too_large else read_picture(more.image)
        self.show(lambda width: self._lines(job, at, width))

    def _lines(self, job: Job, at: int, width: int) -> list[Line]:
        lines = list(_lines(job, at, width))
        if self._picture is not None:
            room = max(LEAST_ROWS, self.document.size.height - len(lines) - 1)
            drawn = half_blocks(self._picture, width, room)
            lines += [BLANK, *(Line(row, is_drawing=True) for row in drawn)]
        elif self._preview is not None:
            lines += [BLANK, Line(line(_why_not(self._preview), "$text-muted"))]
        return lines


def _why_not(preview: "Preview") -> str:
    """Why a preview is not shown."""
    if preview.too_large:
        told = f"{preview.media_type}, {size(preview.too_large)}; at most {size(MAX_PREVIEW)} are shown"
        return f"the preview is too large: {told}"
    return f"the preview cannot be shown: {preview.media_type}, {size(len(preview.image))}"


def _lines(job: Job, at: int, width: int) -> Iterator[Line]:
    if job.progress is None:
        yield Line(line(f"{state_of(job)}: no progress is known", "$text-muted"))
    else:
        yield Line(_bar(job.progress, width), is_drawing=True)
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
