"""The line for a filter, with its mistakes and what may come next."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from emp_cli.output.clean import clean
from emp_cli.tui.text import line, lines
from emp_cli.tui.widgets.pace import caught_up
from emp_core.domain.filter import Filter, FilterError, LiveValues, complete, parse, render


class FilterBar(Vertical):
    """Hidden while there is no filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Find", show=False, priority=True),
        Binding("escape", "close", "Close", show=False),
        Binding("ctrl+s", "save", "Keep this filter", priority=True),
    ]

    class Changed(Message):
        """Enter on a filter that can be read."""

        def __init__(self, wanted: Filter) -> None:
            super().__init__()
            self.wanted = wanted

    class Saved(Message):
        """The filter that was typed is to be kept."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        """The filter stays as it was."""

    def __init__(self, text: str, values: LiveValues) -> None:
        super().__init__()
        self._text = text
        self._values = values

    def compose(self) -> ComposeResult:
        """The field, and what is said of it."""
        yield Input(
            self._text,
            placeholder="status:failed age>10m",
            suggester=Completions(self._values),
            compact=True,
        )
        yield Static(id="help")

    def on_mount(self) -> None:
        """Nothing to see without a filter."""
        self.query_one(Input).cursor_blink = False
        self._settle()

    def open(self) -> None:
        """Type in it."""
        self.display = True
        field = self.query_one(Input)
        self.screen.set_focus(field)  # now: the next key may be on its way already
        field.cursor_position = len(field.value)
        self._say(field.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what is wrong, or what may come next."""
        event.stop()
        if self.query_one(Input).has_focus:
            self._say(event.value)

    async def action_take(self) -> None:
        """Take the filter, if it can be read."""
        field = self.query_one(Input)
        await caught_up(field)
        self.take(field.value)
        await caught_up(self, self.screen)

    def take(self, text: str) -> None:
        """Show the jobs of this filter, or say what is wrong with it."""
        wanted = self._parsed(text)
        if wanted is not None:
            self._text = self.query_one(Input).value = text.strip()
            self._settle()
            self.post_message(self.Changed(wanted))

    async def action_save(self) -> None:
        """Keep what was typed under a name."""
        field = self.query_one(Input)
        await caught_up(field)
        text = field.value.strip()
        if text and self._parsed(text) is not None:
            self.post_message(self.Saved(text))
            await caught_up(self, self.screen)

    def _parsed(self, text: str) -> Filter | None:
        try:
            return parse(text)
        except FilterError as error:
            shown = self.query_one("#help", Static)
            self.display = shown.display = True
            shown.update(lines(render(error, clean), "$text-error"))
            return None

    def action_close(self) -> None:
        """Leave the filter as it was."""
        self.query_one(Input).value = self._text
        self._settle()
        self.post_message(self.Closed())

    def _settle(self) -> None:
        self.query_one("#help", Static).display = False
        self.display = bool(self._text)

    def _say(self, text: str) -> None:
        shown = self.query_one("#help", Static)
        shown.display = True
        offers = [offer.text for offer in complete(text, len(text), self._values)][:8]
        shown.update(line("  ".join(offers), "dim"))


class Completions(Suggester):
    """Ends the word that is being typed, by the grammar of the language and the values in memory."""

    def __init__(self, values: LiveValues) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._values = values

    async def get_suggestion(self, value: str) -> str | None:
        """The text with the first word that may end it."""
        offer = next(iter(complete(value, len(value), self._values)), None)
        return value[: offer.start] + offer.text if offer and offer.text.startswith(value[offer.start :]) else None
