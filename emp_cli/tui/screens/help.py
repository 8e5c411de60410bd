"""The keys of a screen."""

from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from emp_cli.tui.text import line


def is_from_textual(active: ActiveBinding) -> bool:
    """Whether it is one that all widgets of Textual have, such as for scrolling."""
    classes = [each for each in type(active.node).__mro__ if each.__module__.startswith("textual.")]
    theirs = [binding for each in classes for binding in Binding.make_bindings(vars(each).get("BINDINGS", ()))]
    return any((active.binding.key, active.binding.action) == (each.key, each.action) for each in theirs)


class HelpScreen(ModalScreen[None]):
    """Lists what each key does now."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "close", "Close")]

    def __init__(self, title: str, bindings: Mapping[str, ActiveBinding]) -> None:
        super().__init__()
        self._title = title
        self._active = bindings

    def compose(self) -> ComposeResult:
        """A line for each action, with its keys: those of the screen, and beside them those of every screen."""
        here = [active for active in self._active.values() if active.node is not self.app]
        everywhere = [active for active in self._active.values() if active.node is self.app]
        with VerticalScroll(id="dialog", can_focus=True):
            yield Static(line(f"Keys: {self._title}", "bold"))
            with Horizontal():
                yield Static(Content("\n").join(list(self._lines(here))))
                yield Static(Content("\n").join(list(self._lines(everywhere))))

    def _lines(self, bindings: Iterable[ActiveBinding]) -> Iterator[Content]:
        keys: dict[str, list[str]] = {}
        for active in bindings:
            if active.enabled and active.binding.description and not is_from_textual(active):
                shown = self.app.get_key_display(active.binding)
                keys.setdefault(active.binding.description, []).append(shown)
        for description, names in keys.items():
            yield Content.assemble((" ".join(dict.fromkeys(names)).ljust(14), "bold $text-accent"), description)

    def action_close(self) -> None:
        """Back to the screen."""
        self.app.call_later(self.dismiss, None)
