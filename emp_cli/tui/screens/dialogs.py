"""Questions in front of a screen."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from emp_cli.tui.text import line
from emp_cli.tui.widgets.pace import caught_up


class Confirm(ModalScreen[bool]):
    """Asks whether an order is to be carried out. Enter alone does not confirm it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
    ]

    def __init__(self, question: str, detail: str = "") -> None:
        super().__init__()
        self.question = question
        self.detail = detail

    def compose(self) -> ComposeResult:
        """The question, what it comes to, the two keys."""
        with Vertical(id="dialog"):
            yield Static(line(self.question, "bold"))
            yield Static(line(self.detail))
            yield Static(Content.from_markup("\n[b]y[/b] yes   [b]n[/b] no"))

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.app.call_later(self.dismiss, answer)


class Ask(ModalScreen[str | None]):
    """Asks for one line of text; Escape gives none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "answer", "OK", priority=True),
        Binding("escape", "cancel", "Cancel"),
    ]

    def __init__(self, question: str, value: str = "") -> None:
        super().__init__()
        self.question = question
        self.value = value

    def compose(self) -> ComposeResult:
        """The question and a field."""
        with Vertical(id="dialog"):
            yield Static(line(self.question, "bold"))
            yield Input(self.value)

    def on_mount(self) -> None:
        """The field has the keys at once: the next may be on its way already."""
        field = self.query_one(Input)
        field.cursor_blink = False
        self.set_focus(field)

    async def action_answer(self) -> None:
        """Close with the text."""
        field = self.query_one(Input)
        await caught_up(field)
        _ = self.dismiss(field.value.strip())  # a screen that waits here for its own end would wait for ever

    def action_cancel(self) -> None:
        """Close without a text."""
        self.app.call_later(self.dismiss, None)
