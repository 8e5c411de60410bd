"""The log of a job."""

from emp_cli.tui.reads_job import KeptLog, LogRead
from emp_cli.tui.screens.job.pane import DocumentPane
from emp_cli.tui.text import lines as clean_lines
from emp_cli.tui.widgets.document import Document
from emp_cli.tui.widgets.lines import Line
from emp_core.domain.job import Job
from emp_core.domain.policy import POLICY


class LogPane(DocumentPane):
    """The kept lines. While the cursor is on the last one, it follows new ones."""

    name_in_tabs = "Log"
    read_as = LogRead
    follows = True

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._kept = KeptLog()
        self._drawn: list[str] | None = None
        self._made: dict[str, Line] = {}
        """The lines by their texts, so that each is wrapped once."""

    def read(self, name: str, *, exact: bool) -> LogRead:
        """The lines that are new."""
        return LogRead(name, exact, self._kept)

    def command(self, job_id: str) -> str:
        """The `emp` command that shows the same."""
        return f"emp job logs {job_id} --follow"

    def draw(self, job: Job, more: list[str], at: int) -> None:
        """Show the new lines."""
        if more is self._drawn:
            return
        self._drawn = more
        self._made = {text: self._made.get(text) or Line(clean_lines(text)) for text in more}
        drawn = [self._made[text] for text in more]
        self.show(lambda width: drawn)

    @property
    def remark(self) -> str:
        """How many lines there are, and whether it follows."""
        if not self._drawn:
            return "no log line is kept of this job"
        count = len(self._drawn)
        of = f"the last {count:,} lines" if count >= POLICY.log_lines else f"{count:,} lines"
        return f"{of}, follows new ones" if self.document.at_end else f"{of}; End follows new ones"

    def on_document_moved(self, message: Document.Moved) -> None:
        """It follows, or follows no more."""
        self.show_foot()
