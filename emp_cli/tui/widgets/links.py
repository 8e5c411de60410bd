"""Lines of text in which some words lead somewhere: the cursor moves from word to word, Enter follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from emp_cli.tui.messages import Open
from emp_cli.tui.text import line


@dataclass(frozen=True, slots=True)
class Part:
    """Some words of a line."""

    text: str
    style: str = ""
    to: str = ""
    """What Enter opens, such as `jobs status:failed`; empty: nothing."""


Line = Sequence[Part]


class Links(Widget, can_focus=True):
    """Shows lines. The cursor keeps its place by what it leads to, while the words change."""

    DEFAULT_CSS = """
    Links { height: auto; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"links--cursor"}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "step(1)", "Next", show=False),
        Binding("left", "step(-1)", "Previous", show=False),
        Binding("down,j", "line(1)", "Down", show=False),
        Binding("up,k", "line(-1)", "Up", show=False),
        Binding("enter", "follow", "Open"),
    ]

    lines: reactive[Sequence[Line]] = reactive((), layout=True)
    at: reactive[str] = reactive("")
    """Where the word under the cursor leads."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._last = 0
        """The place to which the cursor was moved last."""

    @property
    def _stops(self) -> list[tuple[int, str]]:
        """The line and the target of each word that leads somewhere."""
        return [(row, part.to) for row, parts in enumerate(self.lines) for part in parts if part.to]

    def _place(self) -> int:
        """The word under the cursor. Several may lead to the same: it is the one nearest to where the cursor was."""
        same = [place for place, (_, to) in enumerate(self._stops) if to == self.at]
        return min(same, key=lambda place: abs(place - self._last), default=0)

    def render(self) -> Content:
        """The lines, the word under the cursor in its own colours."""
        stops = self._stops
        here = stops[self._place()][1] if stops and self.has_focus else ""
        return Content("\n").join(
            [Content("").join([self._shown(part, here) for part in parts]).rstrip() for parts in self.lines]
        )

    def _shown(self, part: Part, here: str) -> Content:
        if not part.text.strip():
            return Content(part.text)
        text = line(part.text)
        lead, trail = part.text[: len(part.text) - len(part.text.lstrip())], part.text[len(part.text.rstrip()) :]
        style = "$block-cursor-foreground on $block-cursor-background" if part.to and part.to == here else part.style
        return Content.assemble(lead, text.stylize(style) if style else text, trail)

    def action_step(self, words: int) -> None:
        """Move by some words."""
        stops = self._stops
        if stops:
            self._move(max(0, min(len(stops) - 1, self._place() + words)))

    def action_line(self, lines: int) -> None:
        """Move to the first word of the next line that has one; beyond the last, to the next widget."""
        stops = self._stops
        if not stops:
            return
        row = stops[self._place()][0]
        others = [place for place, (other, _) in enumerate(stops) if (other > row if lines > 0 else other < row)]
        if not others:
            (self.screen.focus_next if lines > 0 else self.screen.focus_previous)()
        elif lines > 0:
            self._move(others[0])
        else:
            last = stops[others[-1]][0]
            self._move(next(place for place in others if stops[place][0] == last))

    def _move(self, place: int) -> None:
        (row, self.at), self._last = self._stops[place], place
        self.refresh()
        self.scroll_visible(animate=False)
        if self.parent is not None and isinstance(self.parent, Widget):
            self.parent.scroll_to(y=max(0, self.virtual_region.y + row - 3), animate=False)

    def action_follow(self) -> None:
        """Open what the word leads to."""
        stops = self._stops
        if stops:
            self.post_message(Open(stops[self._place()][1]))

    def on_click(self, event: events.Click) -> None:
        """A click on a word follows it."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= len(self.lines):
            return
        column = 0
        for part in self.lines[offset.y]:
            column += line(part.text).cell_length if part.text.strip() else len(part.text)
            column += len(part.text) - len(part.text.strip()) if part.text.strip() else 0
            if offset.x < column:
                if part.to:
                    self.at = part.to
                    self.post_message(Open(part.to))
                return

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide it."""
        self.refresh()
