"""The jobs that match a filter."""

from collections.abc import Iterator, Sequence
from shlex import join as join_words
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from emp_cli.input.completing import values_of
from emp_cli.output.columns import JOBS
from emp_cli.output.layout import Layout, name_of
from emp_cli.tui.messages import Keep, Open, Preferred
from emp_cli.tui.orders import Ordered
from emp_cli.tui.reads import JobsRead
from emp_cli.tui.screens.base import QueueScreen
from emp_cli.tui.screens.choosing import Choose, ChooseColumns
from emp_cli.tui.screens.dialogs import Ask
from emp_cli.tui.screens.sorting import ChooseSort
from emp_cli.tui.text import join, line
from emp_cli.tui.widgets.filter_bar import FilterBar
from emp_cli.tui.widgets.row_table import RowTable
from emp_cli.tui.window import Window
from emp_core.domain.filter import EVERY_JOB, Filter
from emp_core.domain.job import Job

if TYPE_CHECKING:
    from emp_core.client.queue import Page


class JobsScreen(QueueScreen):
    """A table of jobs, with orders on those that are marked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", priority=True),
        Binding("a", "mark_all", "Mark all"),
        Binding("s", "sort", "Sort", priority=True),
        Binding("f", "saved", "Saved filters", show=False, priority=True),
        Binding("w", "columns", "Columns", show=False, priority=True),
        Binding("X", "order('cancel')", "Cancel"),
        Binding("h", "order('hold')", "Hold", show=False),
        Binding("u", "order('unhold')", "Unhold", show=False),
        Binding("t", "order('retry')", "Retry"),
        Binding("plus", "app.set_priority", "Priority", key_display="+", show=False, priority=True),
        Binding("Q", "order('requeue')", "Requeue", show=False),
        Binding("D", "order('delete')", "Delete", show=False),
    ]

    def __init__(self, wanted: Filter = EVERY_JOB) -> None:
        super().__init__()
        self.window = Window(wanted=wanted)
        self.sort = ""
        """A column, after a `-` for the reverse; empty: as the queue has them."""

        self.all_marked = False
        """Whether all jobs that match are meant, also those that are not in memory."""

        self._at = 0

    def body(self) -> Iterator[Widget]:
        """The filter, the table, what is said of it."""
        yield FilterBar(str(self.window.wanted), self._values)
        yield RowTable(JOBS, id="rows")
        yield Static(id="foot")

    def on_mount(self) -> None:
        """The table has the keys."""
        self.table.focus()

    @property
    def table(self) -> RowTable[Job]:
        """The table of jobs."""
        return self.query_one("#rows", RowTable)

    @property
    def crumb(self) -> str:
        """Its name in the first line."""
        text = str(self.window.wanted)
        return f"Jobs {text}" if text else "Jobs"

    @property
    def command(self) -> str:
        """The `emp` command that lists them."""
        text = str(self.window.wanted)
        return join_words(["emp", "jobs", *(["--where", text] if text else [])])

    @property
    def id_here(self) -> str:
        """The id of the job under the cursor."""
        return self.table.cursor_key

    @property
    def read(self) -> JobsRead:
        """The pages of the window."""
        return self.window.read

    def _values(self, field: str, prefix: str) -> Iterator[str]:
        """The values that jobs in memory have of a field, for completions."""
        found = {value for job in self.window.rows for value in values_of(job, field)}
        return (value for value in sorted(found) if value.startswith(prefix))

    def draw(self, data: "Sequence[Page]", at: int) -> None:
        """Show the pages."""
        self.window, self._at = self.window.filled(data), at
        self._show_rows()

    def _show_rows(self) -> None:
        layout = Layout(sort=self.sort, columns=tuple(self.preferences.columns.get("jobs", ())))
        rows = layout.sorted(JOBS, self.window.rows, self._at)
        self.table.nothing = "no job matches" if str(self.window.wanted) else "the queue has no jobs"
        self.table.show(rows, self._at, layout.columns_of(JOBS, rows, self._at))
        self._say()

    def _say(self) -> None:
        """Show how many jobs match, which of them are in memory, and whether the search stopped early."""
        window = self.window
        rows = len(window.rows)
        total = "" if window.total is None else f" of {window.total:,}"
        parts = [f"{window.before + 1:,}-{window.before + rows:,}{total}" if rows else f"0{total}"]
        if self.all_marked:
            parts.append("all that match are marked")
        elif self.table.marks:
            parts.append(f"{len(self.table.marks):,} marked")
        if self.sort:
            parts.append(f"only the {rows:,} read are sorted by {self.sort}")
        said = join(*map(Content, parts), gap="  ")
        for note in self._warnings():
            said = join(said, line(note, "$text-warning"), gap="  ")
        self.query_one("#foot", Static).update(said)

    def _warnings(self) -> Iterator[str]:
        pages = self.window.pages
        if pages and pages[-1].of is not None:
            yield f"searched {sum(page.searched for page in pages):,} of {pages[-1].of:,}"
        if any(not page.complete for page in pages):
            yield "the hub is still listing jobs of an earlier version"

    # What the person does.

    def on_row_table_scrolled(self, message: RowTable.Scrolled) -> None:
        """Read the next pages before they are seen."""
        moved = self.window.moved(message.first, message.last)
        if moved != self.window:
            self.window = moved
            self.ask()

    def on_row_table_opened(self, message: RowTable.Opened) -> None:
        """Enter on a job shows it."""
        self.post_message(Open(f"job {message.key}"))

    def on_row_table_marked(self) -> None:
        """Say how many are marked."""
        self.all_marked = self.all_marked and not self.table.marks
        self._say()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterBar).open()

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        """Show what the new filter finds."""
        self.window = Window(wanted=message.wanted)
        self.forget_marks()
        self.table.nothing = "reading …"
        self.table.show((), self._at)  # a key that follows at once is not for the jobs of the filter before
        self.set_focus(self.table)
        self.ask()

    async def on_filter_bar_saved(self, message: FilterBar.Saved) -> None:
        """Keep the filter under a name."""

        def named(name: str | None) -> None:
            if name:
                kept = self.preferences.with_filter(name, message.text)
                self.post_message(Keep(kept, f"kept as {name}: f shows the saved filters"))

        await self.app.push_screen(Ask("name of this filter"), named)

    async def action_saved(self) -> None:
        """Choose one of the filters that were kept."""
        if not self.preferences.filters:
            self.notify("no filter was kept: type one behind /, and ctrl+s keeps it")
            return

        def chosen(answer: tuple[str, str] | None) -> None:
            if answer is None:
                return
            act, name = answer
            if act == "delete":
                self.post_message(Keep(self.preferences.without_filter(name), f"deleted the filter {name}"))
            else:
                self.query_one(FilterBar).take(self.preferences.filters[name])

        await self.app.push_screen(
            Choose("saved filters: enter takes one, D deletes it", self.preferences.filters), chosen
        )

    async def action_columns(self) -> None:
        """Choose which columns there are."""

        def chosen(names: Sequence[str] | None) -> None:
            if names is not None:
                usual = [name_of(column) for column in JOBS.columns if not column.wide]
                kept = self.preferences.with_columns("jobs", () if list(names) == usual else names)
                self.post_message(Keep(kept))

        shown = self.preferences.columns.get("jobs") or [name_of(each) for each in JOBS.columns if not each.wide]
        await self.app.push_screen(ChooseColumns([name_of(column) for column in JOBS.columns], shown), chosen)

    def on_preferred(self, message: Preferred) -> None:
        """Other columns, perhaps."""
        super().on_preferred(message)
        if self.window.pages:
            self._show_rows()

    def on_filter_bar_closed(self) -> None:
        """The table has the keys again."""
        self.table.focus()

    async def action_sort(self) -> None:
        """Choose the column by which the jobs in memory are sorted."""

        def sort(chosen: str | None) -> None:
            if chosen is not None:
                self.sort = chosen
                self._show_rows()

        await self.app.push_screen(ChooseSort(JOBS.columns, self.sort), sort)

    def action_mark_all(self) -> None:
        """Mean all that match, however many."""
        self.table.clear_marks()
        self.all_marked = True
        self._say()

    def forget_marks(self) -> None:
        """Mark nothing."""
        self.all_marked = False
        self.table.clear_marks()

    def action_back(self) -> None:
        """Clear the marks, then go back; from the screen of a number key, which has none below, clear the filter."""
        if self.all_marked or self.table.marks:
            self.forget_marks()
        elif self.is_first and str(self.window.wanted):
            self.query_one(FilterBar).take("")
        else:
            super().action_back()

    def ordered(self, verb: str) -> Ordered | None:
        """The order for the marked jobs, or the one under the cursor."""
        if self.all_marked:
            return Ordered(verb, wanted=self.window.wanted)
        return Ordered(verb, jobs=self.table.chosen) if self.table.chosen else None
