"""The line for words by which rows are found."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from emp_cli.tui.text import line
from emp_cli.tui.widgets.pace import caught_up

HELP = "words that a row must contain, in any column; -word: must not contain"


class WordsBar(Vertical):
    """Hidden while there are no words."""

    DEFAULT_CSS = """
    WordsBar { height: auto; background: $surface; }
    WordsBar Input { border: none; height: 1; padding: 0 1; background: $surface; }
    WordsBar Static { height: auto; padding: 0 1; color: $text-muted; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Find", show=False, priority=True),
        Binding("escape", "close", "Close", show=False),
    ]

    class Changed(Message):
        """Enter on other words."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        """The words stay as they were."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The field, and what it takes."""
        field = Input(self._text, placeholder="comfyui -paused", compact=True)
        field.cursor_blink = False
        yield field
        yield Static(line(HELP))

    def on_mount(self) -> None:
        """Nothing to see without words."""
        self._settle()

    def open(self) -> None:
        """Type in it."""
        self.display = self.query_one(Static).display = True
        field = self.query_one(Input)
        self.screen.set_focus(field)  # now: the next key may be on its way already
        field.cursor_position = len(field.value)

    async def action_take(self) -> None:
        """Take the words."""
        field = self.query_one(Input)
        await caught_up(field)
        self.take(field.value)
        await caught_up(self, self.screen)

    def take(self, text: str) -> None:
        """Find rows by these words."""
        self._text = self.query_one(Input).value = text.strip()
        self._settle()
        self.post_message(self.Changed(self._text))

    def action_close(self) -> None:
        """Leave the words as they were."""
        self.query_one(Input).value = self._text
        self._settle()
        self.post_message(self.Closed())

    def _settle(self) -> None:
        self.query_one(Static).display = False
        self.display = bool(self._text)
