"""The fleet."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from emp_cli.output.columns import WORKERS
from emp_cli.tui.messages import Open
from emp_cli.tui.reads import WorkersRead
from emp_cli.tui.screens.listing import ListScreen
from emp_cli.tui.steering import Steered
from emp_cli.tui.widgets.row_table import RowTable
from emp_core.domain.worker import Worker


class WorkersScreen(ListScreen[Worker]):
    """A table of workers, with orders on those that are marked."""

    MARKS = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "app.steer('pause')", "Pause", priority=True),
        Binding("u", "app.steer('resume')", "Resume", priority=True),
        Binding("D", "app.steer('drain')", "Drain", priority=True),
        Binding("g", "toggle_gone", "Show those that are gone too", show=False),
    ]

    def __init__(self, words: str = "") -> None:
        super().__init__(WORKERS, "worker", "workers", words)
        self.gone = False
        """Whether workers that are lost or stopped are shown too."""

    @property
    def command(self) -> str:
        """The `emp` command that shows the same."""
        return "emp workers --all" if self.gone else "emp workers"

    @property
    def read(self) -> WorkersRead:
        """The workers."""
        return WorkersRead(gone=self.gone)

    def draw(self, data: Sequence[Worker], at: int) -> None:
        """Show them."""
        self.show(data, at)

    def notes(self) -> Iterator[Content]:
        """The slots of the workers that are shown."""
        rows = self.table.rows
        yield Content(f"{sum(len(each.active) for each in rows):,} of {sum(each.slots for each in rows):,} slots busy")
        if self.gone:
            yield Content("with those that are gone")

    def on_row_table_opened(self, message: RowTable.Opened) -> None:
        """Enter on a worker shows it."""
        self.post_message(Open(f"worker {message.key}"))

    def steered(self, verb: str) -> Steered | None:
        """The order for the marked workers, or the one under the cursor."""
        return Steered(verb, self.table.chosen) if self.table.chosen else None

    def action_toggle_gone(self) -> None:
        """Show those that are gone too, or only live ones again."""
        self.gone = not self.gone
        self.ask()
