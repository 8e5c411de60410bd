"""A table that draws only the rows that are seen, and keeps its cursor on its row while rows come and go."""

from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from emp_cli.output.clean import one_line
from emp_cli.output.layout import Column, Sheet
from emp_cli.tui.text import rich_style
from emp_cli.tui.widgets.widths import CELL, GAP, Wish, fitted, share

T = TypeVar("T")

MARK = "●"

MEASURED = 400
"""Rows that are all looked at for the widths of columns. In a longer table columns grow with the rows that are seen."""


class RowTable(ScrollView, Generic[T], can_focus=True):
    """Rows of a sheet. It reads nothing: `show` gives it the rows."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "row-table--header",
        "row-table--cursor",
        "row-table--marked",
        "row-table--mark",
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move_page(-1)", "Page up", show=False),
        Binding("pagedown", "move_page(1)", "Page down", show=False),
        Binding("home", "move_to(0)", "First row", show=False),
        Binding("end", "move_to(-1)", "Last row", show=False),
        Binding("enter", "open", "Open"),
        Binding("space", "mark", "Mark"),
        Binding("shift+up", "mark_on(-1)", "Mark upwards", show=False),
        Binding("shift+down", "mark_on(1)", "Mark downwards", show=False),
        Binding("v", "mark_range", "Mark from the last mark to here", show=False),
    ]

    class Opened(Message):
        """Enter on a row."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Scrolled(Message):
        """Other rows are seen than before: the first and the last."""

        def __init__(self, first: int, last: int) -> None:
            super().__init__()
            self.first = first
            self.last = last

    class Marked(Message):
        """The marks have changed."""

    def __init__(self, sheet: Sheet[T], *, id: str | None = None, can_mark: bool = True) -> None:
        super().__init__(id=id)
        self.sheet = sheet
        self._can_mark = can_mark
        self.rows: Sequence[T] = ()
        self.columns: Sequence[Column[T]] = sheet.columns
        self.marks: dict[str, T] = {}
        """By their keys, as they were when they were marked."""

        self.nothing = "reading"
        """What an empty table says."""

        self._now = 0
        self._cursor = 0
        self._widths: list[int] = []
        self._widest: dict[str, int] = {}
        """Column -> cells that its widest text takes, of those that were looked at."""

        self._cells: dict[int, list[str]] = {}
        self._last_mark = ""

    # What it shows.

    def show(self, rows: Sequence[T], now: int, columns: Sequence[Column[T]] | None = None) -> None:
        """Show these rows, in this order; `now` is the queue's time in ms."""
        key, seen_at = self.cursor_key, self._cursor - self.scroll_offset.y
        self.rows, self._now, self._cells = rows, now, {}
        self.columns = self.sheet.columns if columns is None else columns
        places = {self.sheet.key(row): place for place, row in enumerate(rows)}
        for marked in self.marks.keys() & places.keys():
            self.marks[marked] = rows[places[marked]]
        self._cursor = places.get(key, min(self._cursor, max(0, len(rows) - 1)))
        self._lay_out()
        if key in places:
            # The row stays where the eye is.
            self.scroll_to(y=max(0, self._cursor - seen_at), animate=False, force=True)
        self._keep_cursor_in_sight()

    def tick(self, now: int) -> None:
        """The same rows at another time: ages grow."""
        self._now, self._cells = now, {}
        self.refresh()

    @property
    def cursor_key(self) -> str:
        """The key of the row under the cursor; empty if there is none."""
        row = self.cursor_row
        return "" if row is None else self.sheet.key(row)

    @property
    def cursor_row(self) -> T | None:
        """The row under the cursor."""
        return self.rows[self._cursor] if self._cursor < len(self.rows) else None

    @property
    def chosen(self) -> list[T]:
        """The marked rows; if none is marked, the row under the cursor."""
        if self.marks:
            return list(self.marks.values())
        row = self.cursor_row
        return [] if row is None else [row]

    def clear_marks(self) -> None:
        """Mark nothing."""
        self.marks.clear()
        self._marks_changed()

    def _lay_out(self) -> None:
        self.virtual_size = Size(self._width, len(self.rows) + 1)
        self._measure()
        wishes = [Wish(self._widest[column.name], column.shrinks, column.keeps) for column in self.columns]
        self._widths = share(wishes, max(0, self._width - 1), GAP)
        self.refresh()

    @property
    def _width(self) -> int:
        """Cells beside the scrollbar."""
        return self.scrollable_content_region.width

    def _measure(self) -> None:
        """Widths that shrank while a long table is scrolled would make it flicker."""
        is_long = len(self.rows) > MEASURED
        looked_at = self._in_sight if is_long else range(len(self.rows))
        cells = [self._cells_of(place) for place in looked_at]
        before = self._widest if is_long else {}
        self._widest = {
            column.name: max(
                [before.get(column.name, 0), len(column.name), *(cell_len(texts[place]) for texts in cells)]
            )
            for place, column in enumerate(self.columns)
        }

    @property
    def _in_sight(self) -> range:
        """The places of the rows that are seen."""
        top = self.scroll_offset.y
        return range(min(top, len(self.rows)), min(len(self.rows), top + max(1, self.size.height - 1)))

    def _cells_of(self, place: int) -> list[str]:
        if place not in self._cells:
            row = self.rows[place]
            self._cells[place] = [one_line(column.cell(row, self._now), CELL) for column in self.columns]
        return self._cells[place]

    def on_resize(self, event: events.Resize) -> None:
        """Share the new width, and say which rows are seen."""
        self._lay_out()
        self._keep_cursor_in_sight()
        self._say_what_is_seen()

    # How it is drawn.

    def render_line(self, y: int) -> Strip:
        """The strip of one line of the screen; the first is the header."""
        width = self._width
        if y == 0:
            names = [column.name for column in self.columns]
            style = self.get_component_rich_style("row-table--header")
            return self._strip(" ", names, [style] * len(names), style).adjust_cell_length(width, style)
        place = y - 1 + self.scroll_offset.y
        if place >= len(self.rows):
            text = f" {self.nothing}" if y == 1 and not self.rows else ""
            return Strip([Segment(text, self.rich_style)]).adjust_cell_length(width, self.rich_style)
        return self._row_strip(place).adjust_cell_length(width, self._row_style(place))

    def _row_style(self, place: int) -> Style:
        if place == self._cursor and self.has_focus:
            return self.get_component_rich_style("row-table--cursor")
        if self.sheet.key(self.rows[place]) in self.marks:
            return self.get_component_rich_style("row-table--marked")
        return self.rich_style

    def _row_strip(self, place: int) -> Strip:
        row, whole = self.rows[place], self._row_style(place)
        is_cursor = place == self._cursor and self.has_focus
        styles = [
            whole if is_cursor or column.style is None else whole + rich_style(column.style(row))
            for column in self.columns
        ]
        mark = MARK if self.sheet.key(row) in self.marks else " "
        return self._strip(mark, self._cells_of(place), styles, whole)

    def _strip(self, mark: str, cells: Sequence[str], styles: Sequence[Style], whole: Style) -> Strip:
        segments = [Segment(mark, whole)]
        for column, text, style, width in zip(self.columns, cells, styles, self._widths, strict=False):
            if width:
                segments += [Segment(fitted(text, width, column.align), style), Segment(" " * GAP, whole)]
        return Strip(segments)

    # The cursor.

    def action_move(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self.move_cursor(self._cursor + rows)

    def action_move_page(self, pages: int) -> None:
        """Move the cursor by some screens."""
        self.move_cursor(self._cursor + pages * max(1, self.size.height - 2))

    def action_move_to(self, place: int) -> None:
        """Move the cursor to a row; -1 is the last."""
        self.move_cursor(place if place >= 0 else len(self.rows) - 1)

    def move_cursor(self, place: int) -> None:
        """Move the cursor to a row, and the row into sight."""
        self._cursor = max(0, min(place, len(self.rows) - 1))
        self._keep_cursor_in_sight()
        self.refresh()
        self._say_what_is_seen()

    def _keep_cursor_in_sight(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height - 1)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The wheel and the bar move the rows under the cursor."""
        super().watch_scroll_y(old_value, new_value)
        if len(self.rows) > MEASURED:
            self._lay_out()
        self._say_what_is_seen()

    def _say_what_is_seen(self) -> None:
        seen = self._in_sight
        self.post_message(self.Scrolled(seen.start, seen.stop - 1))

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_row is not None:
            self.post_message(self.Opened(self.cursor_key))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens the row."""
        place = event.y - 1 + self.scroll_offset.y
        if event.y < 1 or place >= len(self.rows):
            return
        again = place == self._cursor
        self.move_cursor(place)
        if again:
            self.action_open()

    # Marks.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Marks have no keys if there is no order for what is marked."""
        return self._can_mark or not action.startswith("mark")

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go on to the next."""
        if self.cursor_row is None:
            return
        self._last_mark = self.cursor_key
        if self.marks.pop(self.cursor_key, None) is None:
            self.marks[self.cursor_key] = self.cursor_row
        self._marks_changed()
        self.action_move(1)

    def action_mark_on(self, rows: int) -> None:
        """Mark the row and the one that the cursor moves to."""
        before = self._cursor
        self.action_move(rows)
        self._mark_between(before, self._cursor)

    def action_mark_range(self) -> None:
        """Mark all rows from the last one that was marked to the cursor."""
        places = {self.sheet.key(row): place for place, row in enumerate(self.rows)}
        self._mark_between(places.get(self._last_mark, self._cursor), self._cursor)

    def _mark_between(self, one: int, other: int) -> None:
        for row in self.rows[min(one, other) : max(one, other) + 1]:
            self.marks[self.sheet.key(row)] = row
        self._last_mark = self.cursor_key
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.refresh()
        self.post_message(self.Marked())
