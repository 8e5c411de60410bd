"""What happens, as it happens."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from emp_cli.output.columns import EVENTS
from emp_cli.output.units import time_of_day
from emp_cli.tui.messages import Open
from emp_cli.tui.reads_events import KEPT, EventsRead, Happened
from emp_cli.tui.screens.listing import ListScreen
from emp_cli.tui.text import line
from emp_cli.tui.widgets.row_table import RowTable
from emp_cli.tui.widgets.words_bar import WordsBar
from emp_cli.tui.words import Words
from emp_core.domain.events import Event

SHEET = replace(EVENTS, key=lambda event: event.cursor)
"""A job has several events."""


class EventsScreen(ListScreen[Event]):
    """A table of events, the newest at the bottom; the cursor stays there until it is moved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "worker", "Worker"),
    ]

    def __init__(self, words: str = "") -> None:
        super().__init__(SHEET, "event", "events", words)
        self._read = EventsRead(Words.read(words))
        self._seen = Happened((), 0, 0)

    @property
    def command(self) -> str:
        """The `emp` command that shows the same, without the words."""
        return "emp events --follow"

    @property
    def id_here(self) -> str:
        """The job of the event under the cursor; of an event without one the worker."""
        event = self.table.cursor_row
        return event.job or event.worker if event else ""

    @property
    def read(self) -> EventsRead:
        """The events from the last one on."""
        return self._read

    def draw(self, data: Happened, at: int) -> None:
        """Show them; the cursor goes along with the newest, unless it was moved away from it."""
        rows, before = self.table.rows, self.table.cursor_row
        follows = not self.sort and (before is None or before is rows[-1])
        self._seen = data
        self.show(data.events, at)
        if follows:
            self.table.action_move_to(-1)

    def found(self, rows: Sequence[Event]) -> Sequence[Event]:
        """All: the read has looked for the words."""
        return rows

    def notes(self) -> Iterator[Content]:
        """Which events these are."""
        seen = self._seen
        if self.words:
            yield Content(f"of {seen.looked_at:,} that were looked at")
        if seen.dropped:
            yield Content(f"only the newest {KEPT:,} are kept here, {seen.dropped:,} older ones are not")
        if seen.missed:
            start, end = map(time_of_day, seen.missed)
            yield line(f"some between {start} and {end} may be missing", "$text-warning")

    def on_words_bar_changed(self, message: WordsBar.Changed) -> None:
        """Look for other words in the last events, and in those to come."""
        self._read, self._seen, self._all = EventsRead(Words.read(message.text)), Happened((), 0, 0), ()
        super().on_words_bar_changed(message)

    def on_row_table_opened(self, message: RowTable.Opened) -> None:
        """Enter on an event shows its job; on an event of a worker this worker."""
        event = self.table.cursor_row
        if event is not None and (event.job or event.worker):
            self.post_message(Open(f"job {event.job}" if event.job else f"worker {event.worker}"))

    def action_worker(self) -> None:
        """Show the worker of the event under the cursor."""
        event = self.table.cursor_row
        if event is not None and event.worker:
            self.post_message(Open(f"worker {event.worker}"))
