"""Lists to choose from, in front of a screen."""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, SelectionList, Static
from textual.widgets.option_list import Option
from textual.widgets.selection_list import Selection

from emp_cli.tui.text import join, line


class Choose(ModalScreen[tuple[str, str] | None]):
    """One of some names: Enter takes it, D deletes it; the answer is (`take` or `delete`, the name)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("D", "delete", "Delete"),
    ]

    def __init__(self, title: str, offers: Mapping[str, str]) -> None:
        super().__init__()
        self._title = title
        self._offers = offers

    def compose(self) -> ComposeResult:
        """The names, with what they stand for."""
        wide = max((line(name).cell_length for name in self._offers), default=0)
        with Vertical(id="dialog"):
            yield Static(line(self._title, "bold"))
            yield OptionList(
                *(Option(_offer(name, text, wide), id=str(place)) for place, (name, text) in self._pairs())
            )

    def _pairs(self) -> Sequence[tuple[int, tuple[str, str]]]:
        return list(enumerate(self._offers.items()))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter takes it."""
        self._answer("take", event.option_index)

    def action_delete(self) -> None:
        """Delete the one under the cursor."""
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self._answer("delete", place)

    def _answer(self, act: str, place: int) -> None:
        self.app.call_later(self.dismiss, (act, list(self._offers)[place]))

    def action_cancel(self) -> None:
        """Choose none."""
        self.app.call_later(self.dismiss, None)


def _offer(name: str, text: str, wide: int) -> Content:
    """A name, and what it stands for in a column of its own."""
    shown = line(name)
    return join(shown.pad_right(wide - shown.cell_length), line(text), gap="  ")


class ChooseColumns(ModalScreen[Sequence[str] | None]):
    """Which columns a table has. Space takes one in or out, Enter keeps the choice."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("enter", "keep", "Keep", priority=True),
    ]

    def __init__(self, names: Sequence[str], shown: Collection[str]) -> None:
        super().__init__()
        self._names = names
        self._shown = shown

    def compose(self) -> ComposeResult:
        """All columns, with a mark at those that are shown."""
        with Vertical(id="dialog"):
            yield Static(line("columns: space takes one in or out, enter keeps the choice", "bold"))
            yield SelectionList[str](*(Selection(line(name), name, name in self._shown) for name in self._names))

    def action_keep(self) -> None:
        """Close with the choice, in the order of the table."""
        chosen = set(self.query_one(SelectionList).selected)
        self.app.call_later(self.dismiss, [name for name in self._names if name in chosen])

    def action_cancel(self) -> None:
        """Leave them as they were."""
        self.app.call_later(self.dismiss, None)
