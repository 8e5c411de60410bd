"""What the feed tells the screens, and the screens tell the app."""

from dataclasses import dataclass
from typing import Any

from textual.message import Message
from textual.screen import Screen

from emp_cli.tui.preferences import Preferences
from emp_cli.tui.reads import Read
from emp_core.errors import EmpError


class Wanted(Message):
    """The screen shows something else than before: `read` is what the feed is to read for it."""

    def __init__(self, screen: Screen[Any], read: Read[Any] | None, *, now: bool = False) -> None:
        super().__init__()
        self.screen = screen
        """Not the message's sender: of a message that the action of a key posts, this is the app."""

        self.read = read
        self.now = now
        """Whether to read at once, also if nothing has changed."""


class Seen(Message):
    """What the queue answered."""

    def __init__(self, read: Read[Any], data: Any, at: int) -> None:
        super().__init__()
        self.read = read
        self.data = data
        self.at = at
        """The queue's time in ms since 1970."""


class Refused(Message):
    """Why the queue does not answer what the screen wants, such as a job that was deleted."""

    def __init__(self, read: Read[Any], error: EmpError) -> None:
        super().__init__()
        self.read = read
        self.error = error


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why nothing new comes."""

    why: str
    since: float
    """The monotonic clock at the last answer."""


class Contact(Message):
    """Whether the queue answers: None, or the trouble with it."""

    def __init__(self, trouble: Trouble | None) -> None:
        super().__init__()
        self.trouble = trouble


class Preferred(Message):
    """What the person chose and keeps, as it is now."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.preferences = preferences


class Keep(Message):
    """The person chose something that is to be kept."""

    def __init__(self, preferences: Preferences, said: str = "") -> None:
        super().__init__()
        self.preferences = preferences
        self.said = said
        """What the person is told once it is kept."""


class Open(Message):
    """The person wants to see the list behind something, or one job or worker: `:jobs status:failed`, `:job 7f3a`."""

    def __init__(self, command: str) -> None:
        super().__init__()
        self.command = command
