"""The names of tabs on one line. Textual's own tabs take three widgets each, and an animation for every turn."""

from collections.abc import Sequence
from itertools import accumulate
from typing import ClassVar

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from emp_cli.tui.text import line


class TabLine(Widget):
    """Draws the names; a click chooses one. The screen has the keys."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tab-line--open"}

    DEFAULT_CSS = """
    TabLine { height: 1; padding: 0 1; color: $text-muted; }
    TabLine > .tab-line--open { color: $text; background: $primary 40%; text-style: bold; }
    TabLine:ansi > .tab-line--open { color: $block-cursor-foreground; background: $block-cursor-background; }
    """

    open_tab = reactive(0)

    class Chosen(Message):
        """A click on the tab at a place."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = [line(name).pad(1, 1) for name in names]

    def render(self) -> Content:
        """The names, the open one marked."""
        style = self.get_visual_style("tab-line--open")
        names = [name.stylize(style) if place == self.open_tab else name for place, name in enumerate(self._names)]
        return Content("").join(names)

    def on_click(self, event: events.Click) -> None:
        """Choose the tab that was clicked."""
        ends = accumulate(name.cell_length for name in self._names)
        place = next((place for place, end in enumerate(ends) if event.x - 1 < end), None)
        if place is not None:
            self.post_message(self.Chosen(place))
