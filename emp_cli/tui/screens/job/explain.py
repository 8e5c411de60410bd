"""Why a job waits: the verdict, what is in the way, what is ahead of it, and the workers by dimension."""

from collections.abc import Hashable, Iterator

from textual.content import Content

from emp_cli.output.explanation import (
    BEFORE,
    KIND_COLUMNS,
    filled,
    kinds_before,
    sentences,
    style_of,
    verdict_of,
    workers_of,
)
from emp_cli.tui.reads_job import ExplainRead
from emp_cli.tui.screens.job.pane import DocumentPane
from emp_cli.tui.text import line, themed
from emp_cli.tui.widgets.document import Document
from emp_cli.tui.widgets.lines import BLANK, Line, table_lines, title
from emp_core.domain.explain import Explanation
from emp_core.domain.folding import Workers
from emp_core.domain.job import Job
from emp_core.domain.standing import Standing
from emp_core.domain.states import WAITING

INDENT = Content("    ")


class ExplainPane(DocumentPane):
    """Workers that see the job alike are one row. Enter unfolds it, and opens a single worker."""

    name_in_tabs = "Explain"
    read_as = ExplainRead

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._explanation: Explanation | None = None
        self._unfolded: set[Hashable] = set()

    def command(self, job_id: str) -> str:
        """The `emp` command that shows the same."""
        return f"emp explain {job_id}"

    def draw(self, job: Job, more: Explanation, at: int) -> None:
        """Show the explanation."""
        self._explanation = more
        self.show(lambda width: list(self._lines(more, width)))

    def _lines(self, explanation: Explanation, width: int) -> Iterator[Line]:
        yield Line(line(verdict_of(explanation), f"bold {themed(style_of(explanation))}".strip()))
        yield from (Line(line(text), Content("  ")) for text in sentences(explanation))
        if explanation.job.state not in WAITING:
            return
        kinds = kinds_before(explanation)
        if kinds:
            yield from (BLANK, title(BEFORE))
            yield from table_lines(kinds, filled(KIND_COLUMNS, kinds), explanation.now, width)
        groups, columns = workers_of(explanation)
        if not groups:
            return
        yield from (BLANK, title("workers"))
        rows = table_lines(groups, columns, explanation.now, width, _key_of)
        yield next(rows)
        for group in groups:
            yield next(rows)
            if _key_of(group) in self._unfolded:
                yield from map(_worker_line, group.standings)
        yield from rows

    def open(self, key: Hashable) -> None:
        """Enter on a row."""
        if not isinstance(key, tuple):
            super().open(key)
        elif self._explanation is not None:
            self._unfolded ^= {key}
            self.draw(self._explanation.job, self._explanation, self._explanation.now)

    @property
    def remark(self) -> str:
        """All that the worker under the cursor lacks: its cells may be cut."""
        groups = workers_of(self._explanation)[0] if self._explanation else []
        return next((_why(group.first) for group in groups if _key_of(group) == self.document.key_here), "")

    def on_document_moved(self, message: Document.Moved) -> None:
        """The cursor is on another worker."""
        self.show_foot()


def _key_of(group: Workers) -> Hashable:
    """A worker, or what the workers of a fold have in common."""
    first = group.first
    if len(group.ids) == 1:
        return f"worker {first.worker.id}"
    return (first.tier, first.reason.partition(":")[0], *(miss.sentence() for miss in first.verdict.misses))


def _worker_line(standing: Standing) -> Line:
    worker = standing.worker.id
    head = INDENT + line(worker) + Content("  ")
    return Line(line(_why(standing), "$text-muted"), head, key=f"worker {worker}", opens=True)


def _why(standing: Standing) -> str:
    return "; ".join(miss.sentence() for miss in standing.verdict.misses) or standing.reason
