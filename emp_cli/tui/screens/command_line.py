"""`:`: the way to any screen, typed."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input


class CommandLine(ModalScreen[str | None]):
    """One line at the bottom: `jobs status:failed`, `worker gpu1:0`, `events`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        """The field."""
        yield Input(placeholder=" ".join(self._words), suggester=SuggestFromList(self._words), compact=True)

    def on_mount(self) -> None:
        """The field has the keys at once: the next may be on its way already."""
        field = self.query_one(Input)
        field.cursor_blink = False
        self.set_focus(field)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes there."""
        self.app.call_later(self.dismiss, event.value.strip() or None)

    def action_cancel(self) -> None:
        """Stay here."""
        self.app.call_later(self.dismiss, None)
