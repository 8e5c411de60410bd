"""The fleet."""

from collections.abc import Iterator, Sequence

from textual.widget import Widget

from emp_cli.output.columns import WORKERS
from emp_cli.output.layout import Layout
from emp_cli.tui.reads import WorkersRead
from emp_cli.tui.screens.base import QueueScreen
from emp_cli.tui.widgets.row_table import RowTable
from emp_core.domain.worker import Worker


class WorkersScreen(QueueScreen):
    """A table of workers."""

    @property
    def crumb(self) -> str:
        """Its name in the first line."""
        return "Workers"

    @property
    def command(self) -> str:
        """The `emp` command that shows the same."""
        return "emp workers"

    def body(self) -> Iterator[Widget]:
        """The table."""
        yield RowTable(WORKERS, id="rows")

    @property
    def read(self) -> WorkersRead:
        """The live workers."""
        return WorkersRead()

    def draw(self, data: Sequence[Worker], at: int) -> None:
        """Show them."""
        table = self.query_one("#rows", RowTable)
        table.nothing = "no worker is running"
        table.show(data, at, Layout().columns_of(WORKERS, data, at))
