"""What the screens have in common that show a list which is in memory whole."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from emp_cli.output.layout import Layout, Sheet
from emp_cli.tui.screens.base import QueueScreen
from emp_cli.tui.screens.sorting import ChooseSort
from emp_cli.tui.text import join
from emp_cli.tui.widgets.row_table import RowTable
from emp_cli.tui.widgets.words_bar import WordsBar
from emp_cli.tui.words import Words

T = TypeVar("T")


class ListScreen(QueueScreen, Generic[T]):
    """A table, found by words and sorted by any column, and a line that says how many rows there are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", priority=True),
        Binding("s", "sort", "Sort", priority=True),
    ]

    MARKS: ClassVar[bool] = False
    """Whether rows can be marked: there are orders for them."""

    def __init__(self, sheet: Sheet[T], noun: str, nouns: str, words: str = "") -> None:
        """`noun`, `nouns`: what the rows are, such as `worker`, `workers`."""
        super().__init__()
        self.sheet = sheet
        self.noun, self.nouns = noun, nouns
        self.words = words
        self.sort = ""
        """A column, after a `-` for the reverse; empty: as they come."""

        self._all: Sequence[T] = ()
        self._at = 0

    def body(self) -> Iterator[Widget]:
        """The words, the table, what is said of it."""
        yield WordsBar(self.words)
        yield RowTable(self.sheet, id="rows", can_mark=self.MARKS)
        yield Static(id="foot")

    def on_mount(self) -> None:
        """The table has the keys."""
        self.table.focus()

    @property
    def table(self) -> RowTable[T]:
        """The rows."""
        return self.query_one("#rows", RowTable)

    @property
    def crumb(self) -> str:
        """Its name in the first line, with the words."""
        return f"{self.nouns.capitalize()} {self.words}".strip()

    @property
    def id_here(self) -> str:
        """The id of the row under the cursor."""
        return self.table.cursor_key

    def show(self, rows: Sequence[T], at: int) -> None:
        """Show those of the rows that the words find, in their order."""
        self._all, self._at = rows, at
        found = Layout(sort=self.sort).sorted(self.sheet, self.found(rows), at)
        self.table.nothing = f"no {self.noun} has these words" if rows else f"no {self.nouns}"
        self.table.show(found, at, Layout().columns_of(self.sheet, found, at))
        self.say()

    def found(self, rows: Sequence[T]) -> Sequence[T]:
        """The rows that have the words, in any of their columns."""
        if not self.words:
            return rows
        words, columns = Words.read(self.words), self.sheet.columns
        return [row for row in rows if words.find([column.cell(row, self._at) for column in columns])]

    def say(self) -> None:
        """Say how many there are and how they are shown."""
        parts = [Content(self._count())]
        if self.table.marks:
            parts.append(Content(f"{len(self.table.marks):,} marked"))
        if self.sort:
            parts.append(Content(f"sorted by {self.sort}"))
        foot = join(*parts, *self.notes(), gap="  ")
        self.query_one("#foot", Static).update(Content("\n").join([*self.details(), foot]))

    def _count(self) -> str:
        shown, there = len(self.table.rows), len(self._all)
        noun = self.noun if there == 1 else self.nouns
        return f"{there:,} {noun}" if shown == there else f"{shown:,} of {there:,} {noun}"

    def notes(self) -> Iterator[Content]:
        """What else is said under the table."""
        yield from ()

    def details(self) -> Iterator[Content]:
        """What is said of the row under the cursor, whose cells may be cut, in lines of their own."""
        yield from ()

    # What the person does.

    def on_row_table_marked(self) -> None:
        """Say how many are marked."""
        self.say()

    def action_filter(self) -> None:
        """Type words."""
        self.query_one(WordsBar).open()

    def on_words_bar_changed(self, message: WordsBar.Changed) -> None:
        """Show what they find."""
        self.words = message.text
        self.table.clear_marks()
        self.set_focus(self.table)  # now: the next key may be on its way already
        self.show(self._all, self._at)
        self.ask()

    def on_words_bar_closed(self) -> None:
        """The table has the keys again."""
        self.table.focus()

    async def action_sort(self) -> None:
        """Choose a column."""

        def sort(chosen: str | None) -> None:
            if chosen is not None:
                self.sort = chosen
                self.show(self._all, self._at)

        await self.app.push_screen(ChooseSort(self.sheet.columns, self.sort), sort)

    def forget_marks(self) -> None:
        """Mark nothing."""
        self.table.clear_marks()

    def action_back(self) -> None:
        """Clear the marks, then go back; from a screen of a number key, which has none below, clear the words."""
        if self.table.marks:
            self.forget_marks()
        elif self.words and self.is_first:
            self.query_one(WordsBar).take("")
        else:
            super().action_back()
