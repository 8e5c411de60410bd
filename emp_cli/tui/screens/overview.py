"""The queue at a glance."""

from collections.abc import Iterator

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from emp_cli.output.glance import counts
from emp_cli.tui.reads import Glance, OverviewRead
from emp_cli.tui.screens.base import QueueScreen
from emp_cli.tui.text import line


class OverviewScreen(QueueScreen):
    """What waits, what runs where, what fails, and what can never run."""

    @property
    def crumb(self) -> str:
        """Its name in the first line."""
        return "Overview"

    @property
    def command(self) -> str:
        """The `emp` command that shows the same."""
        return "emp summary"

    def body(self) -> Iterator[Widget]:
        """The facts."""
        yield Static(id="facts")

    @property
    def read(self) -> OverviewRead:
        """The glance."""
        return OverviewRead()

    def draw(self, data: Glance, at: int) -> None:
        """Show it."""
        facts = [line(f"{label:<10} {text}") for label, text in counts(data.summary) if text]
        self.query_one("#facts", Static).update(Content("\n").join(facts))
