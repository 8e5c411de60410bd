"""The keys of a screen."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from emp_cli.tui.text import line


class HelpScreen(ModalScreen[None]):
    """Lists what each key does now."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "close", "Close")]

    def __init__(self, title: str, bindings: Mapping[str, ActiveBinding]) -> None:
        super().__init__()
        self._title = title
        self._active = bindings

    def compose(self) -> ComposeResult:
        """A line for each action, with its keys."""
        with VerticalScroll(id="dialog", can_focus=True):
            yield Static(line(f"Keys: {self._title}", "bold"))
            yield Static(Content("\n").join(list(self._lines())))

    def _lines(self) -> Iterator[Content]:
        keys: dict[str, list[str]] = {}
        for active in self._active.values():
            if active.enabled and active.binding.description:
                shown = self.app.get_key_display(active.binding)
                keys.setdefault(active.binding.description, []).append(shown)
        for description, names in sorted(keys.items(), key=lambda each: each[1][0].casefold()):
            yield Content.assemble((" ".join(dict.fromkeys(names)).ljust(14), "bold $text-accent"), description)

    def action_close(self) -> None:
        """Back to the screen."""
        self.app.call_later(self.dismiss, None)
