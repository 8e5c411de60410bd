"""What a job asks of its service, as JSON that folds."""

from collections.abc import Hashable, Iterator
from typing import Any

from textual.widgets import Input

from emp_cli.tui.json_lines import json_lines, open_at_first, paths_to, read_exactly
from emp_cli.tui.reads_job import JobRead, Payload, PayloadRead
from emp_cli.tui.screens.job.pane import DocumentPane
from emp_cli.tui.text import line
from emp_cli.tui.widgets.lines import Line
from emp_core.domain.job import Job
from emp_core.domain.policy import MAX_WHOLE_RESULT
from emp_core.domain.sizes import size

LOAD = "load"


class PayloadPane(DocumentPane):
    """The payload, or the template with its params. A large one is loaded if Enter asks for it."""

    name_in_tabs = "Payload"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._payload: Payload | None = None
        self._value: Any = None
        self._mistake = ""
        self._load = False
        self._opened: set[Hashable] = set()

    def read(self, name: str, *, exact: bool) -> JobRead:
        """The payload, until it is there."""
        is_there = self._payload is not None and (self._payload.text is not None or not self._load)
        return JobRead(name, exact) if is_there else PayloadRead(name, exact, self._load)

    def command(self, job_id: str) -> str:
        """The `emp` command that shows the same."""
        return f"emp job show {job_id} --payload"

    def draw(self, job: Job, more: Payload | None, at: int) -> None:
        """Show the payload when it comes."""
        if more is None:
            return
        self._payload = more
        if more.text is not None:
            self._take(more.text)
        self._show()
        self.post_message(self.Asks())

    def _take(self, text: bytes) -> None:
        try:
            self._value = read_exactly(text)
        except ValueError as error:
            self._mistake = f"the payload is damaged: {error}"
        else:
            self._opened = set(open_at_first(self._value))

    def _show(self) -> None:
        self.show(lambda width: list(self._lines()))

    def _lines(self) -> Iterator[Line]:
        payload = self._payload
        if self._mistake:
            yield Line(line(self._mistake, "$text-error"))
        elif payload is not None and payload.text is not None:
            yield from json_lines(self._value, self._opened)
        elif payload is not None:
            yield from _offer(payload.size)

    def open(self, key: Hashable) -> None:
        """Fold or unfold, or load what was not loaded."""
        if key == LOAD:
            self._load = True
            self.say("loading")
            self.post_message(self.Asks())
            return
        self._opened ^= {key}
        self._show()

    @property
    def remark(self) -> str:
        """How large it is."""
        return size(self._payload.size) if self._payload else ""

    def on_input_changed(self, event: Input.Changed) -> None:
        """Unfold what has the text in it."""
        if event.value and self._value is not None:
            self._opened |= set(paths_to(self._value, event.value.lower()))
            self._show()
        super().on_input_changed(event)


def _offer(count: int) -> Iterator[Line]:
    told = f"The payload has {size(count)} and is in the file store."
    if count <= MAX_WHOLE_RESULT:
        yield Line(line(f"{told} Enter loads it."), key=LOAD, opens=True)
    else:
        yield Line(line(f"{told} This screen shows at most {size(MAX_WHOLE_RESULT)}; the command that y copies all."))
