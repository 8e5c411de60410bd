"""The choice of the column by which a list is sorted."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from emp_cli.output.layout import Column, name_of
from emp_cli.tui.text import line

AS_THEY_COME = "as they come"


class ChooseSort(ModalScreen[str | None]):
    """Closes with a sort as `--sort` takes it: a column, after a `-` for the reverse; empty: as they come.

    Escape closes it with None.
    """

    DEFAULT_CSS = """
    ChooseSort { align: center middle; background: $background 60%; }
    ChooseSort OptionList { width: auto; min-width: 30; height: auto; max-height: 14; border: none; padding: 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,s,q", "cancel", "Cancel")]

    def __init__(self, columns: Sequence[Column[Any]], sort: str) -> None:
        super().__init__()
        self._columns = columns
        self._sort = sort

    def compose(self) -> ComposeResult:
        """The columns; the one that the list is sorted by is under the cursor."""
        with Vertical(id="dialog"):
            yield Static(line("Sort by (the same column again: the reverse)", "bold"))
            yield OptionList(*self._options())

    def on_mount(self) -> None:
        """Begin at what the list is sorted by."""
        names = ["", *(name_of(column) for column in self._columns)]
        self.query_one(OptionList).highlighted = names.index(self._sort.removeprefix("-"))

    def _options(self) -> Iterator[Option]:
        yield Option(Content(AS_THEY_COME), id="")
        for column in self._columns:
            mark = {name_of(column): " (now)", f"-{name_of(column)}": " (now, reversed)"}.get(self._sort, "")
            yield Option(Content(f"{column.name}{mark}"), id=name_of(column))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the column, or with its reverse if the list is sorted by it."""
        name = event.option.id or ""
        self.app.call_later(self.dismiss, f"-{name}" if name and name == self._sort else name)

    def action_cancel(self) -> None:
        """Leave the order as it is."""
        self.app.call_later(self.dismiss, None)
