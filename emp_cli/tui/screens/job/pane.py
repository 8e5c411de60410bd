"""What all tabs of the job screen have in common: a document with a search."""

from abc import abstractmethod
from collections.abc import Hashable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from emp_cli.tui.messages import Open
from emp_cli.tui.reads_job import JobRead
from emp_cli.tui.text import line
from emp_cli.tui.widgets.document import Builder, Document
from emp_core.domain.job import Job
from emp_core.errors import EmpError


class Pane(Vertical):
    """A tab. It reads nothing: `draw` gives it what its `read` brought."""

    name_in_tabs: ClassVar[str]

    class Asks(Message):
        """The tab wants something else to be read than before."""

    @property
    def read_as(self) -> type[JobRead]:
        """What is read for it."""
        return JobRead

    def read(self, name: str, *, exact: bool) -> JobRead:
        """What the feed is to read while the tab is open."""
        return self.read_as(name, exact)

    def command(self, job_id: str) -> str:
        """The `emp` command that shows the same."""
        return f"emp job show {job_id}"

    @property
    def id_here(self) -> str:
        """The id of what is under the cursor, if it is not the job's."""
        return ""

    @abstractmethod
    def draw(self, job: Job, more: Any, at: int) -> None:
        """Show what was read; `at` is the queue's time in ms."""

    def refuse(self, error: EmpError) -> None:
        """Say why it cannot be read."""
        self.query_one(".foot", Static).update(line(error.message, "$text-error"))

    def say(self, text: str, style: str = "") -> None:
        """Show a text in the tab's last line."""
        self.query_one(".foot", Static).update(line(text, style))

    @abstractmethod
    def take_keys(self) -> None:
        """The tab has the keys."""


class DocumentPane(Pane):
    """A tab that is text. Enter opens what a line names."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", key_display="/", priority=True),
        Binding("n", "go_to_match(1)", "Next match", show=False),
        Binding("N", "go_to_match(-1)", "Match before", show=False),
        Binding("escape", "end_search", "End the search", show=False),
    ]

    follows: ClassVar[bool] = False
    """Whether the cursor stays at the end."""

    def compose(self) -> ComposeResult:
        """The document, the search, what is said of it."""
        yield Document(follows=self.follows)
        field = Input(placeholder="search", compact=True, classes="search")
        field.cursor_blink = False
        yield field
        yield Static(classes="foot")

    def on_mount(self) -> None:
        """No search yet."""
        self._field.display = False

    @property
    def document(self) -> Document:
        """The text."""
        return self.query_one(Document)

    @property
    def _field(self) -> Input:
        return self.query_one(Input)

    @property
    def id_here(self) -> str:
        """The job or worker that Enter opens."""
        noun, _, name = str(self.document.key_here).partition(" ")
        return name if noun in ("job", "worker") else ""

    def take_keys(self) -> None:
        """The document has the keys."""
        self.document.focus()

    def show(self, build: Builder) -> None:
        """Show these lines."""
        self.document.show(build)
        self.show_foot()

    def show_foot(self) -> None:
        """Say how much the search found, or else what there is to say."""
        if self._field.value:
            found = self.document.matches
            matching = "1 line matches" if len(found) == 1 else f"{len(found):,} lines match"
            self.say(f"{matching}; n the next, N the one before, Esc ends" if found else "no match")
        else:
            self.say(self.remark)

    @property
    def remark(self) -> str:
        """What is said of the tab without a search."""
        return ""

    def on_document_opened(self, message: Document.Opened) -> None:
        """Enter on a line."""
        message.stop()
        self.open(message.key)

    def open(self, key: Hashable) -> None:
        """Go where a line leads."""
        self.post_message(Open(str(key)))

    # The search.

    def action_search(self) -> None:
        """Type what to search."""
        self._field.display = True
        self.screen.set_focus(self._field)  # now: the next key may be on its way already

    def on_input_changed(self, event: Input.Changed) -> None:
        """Go to the first match while it is typed."""
        event.stop()
        self.document.search(event.value)
        self.show_foot()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The document has the keys again, and keeps the matches."""
        event.stop()
        self._field.display = bool(event.value)
        self.document.focus()

    def action_go_to_match(self, direction: int) -> None:
        """Go to the next match, or to the one before."""
        self.document.go_to_match(direction)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape ends a search only while there is one; while it is typed, a slash is a part of it."""
        if action == "search":
            return not self._field.has_focus
        return action != "end_search" or self._field.display

    def action_end_search(self) -> None:
        """Mark nothing any more."""
        self._field.value = ""
        self._field.display = False
        self.document.focus()
