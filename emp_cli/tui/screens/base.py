"""What all screens of the queue have in common."""

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from emp_cli.tui.messages import Preferred, Refused, Seen, Wanted
from emp_cli.tui.orders import Ordered
from emp_cli.tui.preferences import Preferences
from emp_cli.tui.reads import Read
from emp_cli.tui.steering import Steered
from emp_cli.tui.widgets.key_line import KeyLine
from emp_cli.tui.widgets.masthead import Masthead
from emp_cli.tui.widgets.row_table import RowTable

TAKES_KEYS = ("filter", "go", "sort", "saved", "columns", "set_priority", "steer")
"""Actions that open something to type or choose in. Their keys have priority, so that a key pressed right after one
reaches what it opens."""


class QueueScreen(Screen[None]):
    """A screen that shows one read of the queue."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.preferences = Preferences(path=Path())

    @property
    @abstractmethod
    def crumb(self) -> str:
        """Its name in the first line."""

    @property
    def command(self) -> str:
        """The `emp` command that shows the same; empty: there is none."""
        return ""

    @property
    def id_here(self) -> str:
        """The id of what is under the cursor; empty: there is none."""
        return ""

    def compose(self) -> ComposeResult:
        """The first line, the body, the keys."""
        yield Masthead()
        yield from self.body()
        yield KeyLine()

    @abstractmethod
    def body(self) -> Iterator[Widget]:
        """What is between the first line and the keys."""

    @property
    @abstractmethod
    def read(self) -> Read[Any] | None:
        """What the feed is to read for this screen."""

    @abstractmethod
    def draw(self, data: Any, at: int) -> None:
        """Show what was read; `at` is the queue's time in ms."""

    def on_screen_resume(self) -> None:
        """The screen is seen again."""
        self.ask()

    def ask(self, *, now: bool = False) -> None:
        """Tell the feed what this screen shows."""
        self.post_message(Wanted(self, self.read, now=now))

    def on_seen(self, message: Seen) -> None:
        """What was read arrives; an answer to an earlier question is dropped."""
        if message.read == self.read:
            self.draw(message.data, message.at)

    def on_refused(self, message: Refused) -> None:
        """The queue has no such thing any more."""
        if message.read == self.read:
            self.notify(message.error.message, severity="error", markup=False)

    def on_preferred(self, message: Preferred) -> None:
        """What the person keeps is known, or has changed."""
        self.preferences = message.preferences

    def tick(self, at: int) -> None:
        """A second has passed; `at` is the queue's time in ms."""
        for table in self.query(RowTable):
            table.tick(at)

    def ordered(self, verb: str) -> Ordered | None:
        """The order for the jobs that are chosen; None: there are none."""
        return None

    def steered(self, verb: str) -> Steered | None:
        """The order for the workers that are chosen; None: there are none."""
        return None

    def action_order(self, verb: str) -> None:
        """Give an order for the jobs that are chosen."""
        ordered = self.ordered(verb)
        if ordered is not None:
            self.post_message(ordered)

    def forget_marks(self) -> None:
        """An order was carried out for what was marked."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a text is typed, a key that begins another text is a part of it."""
        return action not in TAKES_KEYS or not isinstance(self.focused, Input)

    @property
    def is_first(self) -> bool:
        """Whether it is the screen of a number key: there is none below it."""
        return len(self.app.screen_stack) == 1

    def action_back(self) -> None:
        """Go back to the screen below, if there is one."""
        if not self.is_first:
            self.app.call_later(self.app.pop_screen)
