"""The files of a job's result."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from emp_cli.output.columns import ARTIFACTS
from emp_cli.tui.reads_job import FilesRead
from emp_cli.tui.saving import SaveFiles
from emp_cli.tui.screens.job.pane import Pane
from emp_cli.tui.widgets.row_table import RowTable
from emp_core.domain.job import Job
from emp_core.domain.outcome import Artifact
from emp_core.domain.sizes import size


class FilesPane(Pane):
    """A table, of which the marked files, or all, are saved."""

    name_in_tabs = "Files"
    read_as = FilesRead

    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "save", "Save")]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._saving = ""
        self._job_id = ""

    def compose(self) -> ComposeResult:
        """The table, what is said of it."""
        yield RowTable(ARTIFACTS)
        yield Static(classes="foot")

    @property
    def table(self) -> RowTable[Artifact]:
        """The files."""
        return self.query_one(RowTable)

    def command(self, job_id: str) -> str:
        """The `emp` command that saves them."""
        return f"emp job result {job_id} --output-dir ."

    @property
    def id_here(self) -> str:
        """The id of the file under the cursor."""
        return self.table.cursor_key

    def take_keys(self) -> None:
        """The table has the keys."""
        self.table.focus()

    def draw(self, job: Job, more: Sequence[Artifact], at: int) -> None:
        """Show the files."""
        self._job_id = job.id
        self.table.nothing = "the result has no files" if job.ended_at else "the job has no result yet"
        self.table.show(more, at)
        self._say_what_is_chosen()

    def on_row_table_marked(self) -> None:
        """Other files are meant."""
        self._say_what_is_chosen()

    @property
    def _chosen(self) -> Sequence[Artifact]:
        return list(self.table.marks.values()) or self.table.rows

    def tell(self, text: str) -> None:
        """Say how far the saving is; an empty text: it has ended."""
        self._saving = text
        if self.is_attached:
            self._say_what_is_chosen()

    def _say_what_is_chosen(self) -> None:
        chosen = self._chosen
        marked = " marked" if self.table.marks else ""
        total = size(sum(each.size for each in chosen))
        count = "1 file" if len(chosen) == 1 else f"{len(chosen):,} files"
        how = f"{self.command(self._job_id)} saves them" if self.app.is_web else "w saves"
        self.say(self._saving or (f"{count}{marked}, {total}; {how}" if chosen else ""))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A browser cannot save: the disk is the server's."""
        return action != "save" or not self.app.is_web

    def action_save(self) -> None:
        """Save the marked files, or all."""
        if self._chosen:
            self.post_message(SaveFiles(self._chosen, self.tell))
