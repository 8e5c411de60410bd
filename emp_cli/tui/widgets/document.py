"""Lines to read: wrapped, with a cursor, lines that open something, and a search."""

import re
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from emp_cli.tui.widgets.lines import Line

Builder = Callable[[int], Sequence[Line]]
"""Makes the lines for a width."""


class Document(ScrollView, can_focus=True):
    """Draws only the lines that are seen. It reads nothing: `show` gives it what makes the lines."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"document--cursor", "document--match"}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "move_page(-1)", "Page up", show=False),
        Binding("pagedown", "move_page(1)", "Page down", show=False),
        Binding("home,g", "move_to(0)", "First line", show=False),
        Binding("end", "move_to(-1)", "Last line", show=False),
        Binding("enter", "open", "Open"),
    ]

    class Opened(Message):
        """Enter on a line that opens something."""

        def __init__(self, key: Hashable) -> None:
            super().__init__()
            self.key = key

    class Moved(Message):
        """The cursor is on another line."""

    def __init__(self, *, follows: bool = False, id: str | None = None) -> None:
        """`follows`: while the cursor is on the last line, it goes to lines that come."""
        super().__init__(id=id)
        self.lines: Sequence[Line] = ()
        self._build: Builder = lambda width: ()
        self._follows = follows
        self._cursor = 0
        self._starts: list[int] = []
        """The first row of each line."""

        self._pattern: re.Pattern[str] | None = None
        self._offered = False
        """Whether the footer has Enter."""

    # What it shows.

    def show(self, build: Builder) -> None:
        """Show these lines."""
        self._build = build
        self._lay_out()

    def _lay_out(self) -> None:
        width = self._width
        if not width:
            return
        key, at_end = self.key_here, self.at_end
        seen_at = self._top(self._cursor) - self.scroll_offset.y
        self.lines = self._build(width)
        self._starts, rows = [], 0
        for each in self.lines:
            self._starts.append(rows)
            rows += len(each.parts(width))
        self.virtual_size = Size(width, rows)
        self._cursor = self._place_of(key)
        if self._follows and at_end:
            self._cursor = max(0, len(self.lines) - 1)
        elif key is not None:
            self.scroll_to(y=max(0, self._top(self._cursor) - seen_at), animate=False, force=True)
        self._keep_cursor_in_sight()
        self._offer_to_open()
        self.refresh()

    @property
    def _width(self) -> int:
        """Cells beside the scrollbar."""
        return self.scrollable_content_region.width

    def _place_of(self, key: Hashable) -> int:
        nearest = max(0, min(self._cursor, len(self.lines) - 1))
        if key is None or (self.lines and self.lines[nearest].key == key):
            return nearest
        return next((place for place, each in enumerate(self.lines) if each.key == key), nearest)

    def on_resize(self, event: events.Resize) -> None:
        """Make the lines for the new width."""
        self._lay_out()

    @property
    def key_here(self) -> Hashable:
        """The key of the line under the cursor; None if it has none."""
        return self.lines[self._cursor].key if self._cursor < len(self.lines) else None

    @property
    def at_end(self) -> bool:
        """Whether the cursor is on the last line."""
        return self._cursor >= len(self.lines) - 1

    # How it is drawn.

    def render_line(self, y: int) -> Strip:
        """The strip of one row of the screen."""
        row, width = y + self.scroll_offset.y, self._width
        if row >= self.virtual_size.height:
            return Strip.blank(width, self.rich_style)
        place = bisect_right(self._starts, row) - 1
        shown, is_cursor = self.lines[place], place == self._cursor and self.has_focus
        # A screen that is shown again is drawn once before it hears that the terminal has another width.
        part = shown.parts(self.virtual_size.width)[row - self._starts[place]]
        if is_cursor and not shown.is_drawing:
            part = Content(part.plain)
        if self._pattern is not None:
            part = part.highlight_regex(self._pattern, style=self.get_visual_style("document--match"))
        style = self.visual_style
        if is_cursor:
            style += self.get_visual_style("document--cursor")
        strips = Visual.to_strips(self, part, width, 1, style, apply_selection=False)
        return strips[0].adjust_cell_length(width, style.rich_style)

    # The cursor.

    def action_move(self, lines: int) -> None:
        """Move the cursor by a line; through one that is higher than the screen by rows."""
        top = self.scroll_offset.y
        first, end = self._top(self._cursor), self._top(self._cursor + 1)
        if end > top + self.size.height if lines > 0 else first < top:
            self.scroll_to(y=top + lines, animate=False, force=True)
        else:
            self.move_cursor(self._cursor + lines)

    def action_move_page(self, pages: int) -> None:
        """Move by a screen."""
        if not self.lines:
            return
        row = self._top(self._cursor) + pages * max(1, self.size.height - 1)
        self.move_cursor(bisect_right(self._starts, max(0, row)) - 1)

    def action_move_to(self, place: int) -> None:
        """Move to a line; -1 is the last."""
        self.move_cursor(place if place >= 0 else len(self.lines) - 1)

    def move_cursor(self, place: int) -> None:
        """Move the cursor to a line, and the line into sight."""
        self._cursor = max(0, min(place, len(self.lines) - 1))
        self._keep_cursor_in_sight()
        self._offer_to_open()
        self.refresh()
        self.post_message(self.Moved())

    def _top(self, place: int) -> int:
        return self._starts[place] if place < len(self._starts) else self.virtual_size.height

    def _keep_cursor_in_sight(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        first, end = self._top(self._cursor), self._top(self._cursor + 1)
        if first < top:
            self.scroll_to(y=first, animate=False, force=True)
        elif end > top + height:
            self.scroll_to(y=min(first, end - height), animate=False, force=True)

    @property
    def can_open(self) -> bool:
        """Whether Enter does something here."""
        return self._cursor < len(self.lines) and self.lines[self._cursor].opens

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer has Enter only if it does something."""
        return action != "open" or self.can_open

    def _offer_to_open(self) -> None:
        if self._offered != self.can_open:
            self._offered = self.can_open
            self.refresh_bindings()

    def action_open(self) -> None:
        """Open what the line under the cursor names."""
        self.post_message(self.Opened(self.key_here))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a second one opens the line."""
        place = bisect_right(self._starts, event.y + self.scroll_offset.y) - 1
        if not 0 <= place < len(self.lines):
            return
        again = place == self._cursor
        self.move_cursor(place)
        if again and self.can_open:
            self.action_open()

    # The search.

    def search(self, text: str) -> None:
        """Mark what is searched, in capitals or not, and go to the first place from here on; an empty text ends it."""
        self._pattern = re.compile(re.escape(text), re.IGNORECASE) if text else None
        self.refresh()
        if self._pattern is not None and self._cursor not in self.matches:
            self.go_to_match(1)

    @property
    def matches(self) -> list[int]:
        """The places of the lines that match."""
        if self._pattern is None:
            return []
        return [place for place, each in enumerate(self.lines) if self._pattern.search(each.plain)]

    def go_to_match(self, direction: int) -> None:
        """Go to the next match, or with -1 to the one before; behind the last comes the first."""
        found = self.matches
        if found:
            beyond = [place for place in found if (place - self._cursor) * direction > 0]
            end = 0 if direction > 0 else -1
            self.move_cursor((beyond or found)[end])
