"""What a terminal shows in which the screens have no room."""

from textual.app import ComposeResult
from textual.events import Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Static

from emp_cli.tui.text import line

SMALLEST = Size(60, 16)
"""Below this width the lists lose the columns that tell their rows apart; below this height the overview is cut."""


def is_too_small(size: Size) -> bool:
    """Whether the screens have no room in it."""
    return size.width < SMALLEST.width or size.height < SMALLEST.height


class TooSmall(Screen[None]):
    """Says how large the terminal is and has to be. It covers the screens, and takes their keys."""

    DEFAULT_CSS = """
    TooSmall { align: center middle; }
    TooSmall Static { width: auto; max-width: 100%; text-align: center; }
    """

    def compose(self) -> ComposeResult:
        """The sentence."""
        yield Static()

    def on_resize(self, event: Resize) -> None:
        """The terminal has another size, and is still too small."""
        width, height = event.size
        needed = f"{SMALLEST.width} x {SMALLEST.height}"
        sentence = f"This terminal is {width} x {height}; the dashboard needs {needed}."
        self.query_one(Static).update(line(sentence))
