"""One job: its head, its tabs, and the orders to it."""

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from emp_cli.output.columns import remark, service_of, state_of, state_style, worker_of
from emp_cli.tui.messages import Refused
from emp_cli.tui.orders import Ordered
from emp_cli.tui.reads_job import JobRead, JobSeen
from emp_cli.tui.screens.job.attempts import AttemptsPane
from emp_cli.tui.screens.job.explain import ExplainPane
from emp_cli.tui.screens.job.files import FilesPane
from emp_cli.tui.screens.job.log import LogPane
from emp_cli.tui.screens.job.pane import Pane
from emp_cli.tui.screens.job.payload import PayloadPane
from emp_cli.tui.screens.job.progress import ProgressPane
from emp_cli.tui.screens.job.summary import SummaryPane
from emp_cli.tui.screens.job.timeline import TimelinePane
from emp_cli.tui.screens.tabbed import TabbedScreen
from emp_cli.tui.text import join, line, themed
from emp_cli.tui.widgets.tab_line import TabLine
from emp_core.domain.job import Job
from emp_core.domain.states import JobState
from emp_core.errors import EmpError, NotFound

PANES: tuple[type[Pane], ...] = (
    SummaryPane,
    ExplainPane,
    TimelinePane,
    ProgressPane,
    LogPane,
    PayloadPane,
    AttemptsPane,
    FilesPane,
)

TABS = tuple(pane.name_in_tabs.lower() for pane in PANES)


class JobScreen(TabbedScreen):
    """Shows one job. Only what the open tab shows is read."""

    CSS_PATH = "job.tcss"
    TABS = TABS

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "show_tab('explain')", "Explain"),
        Binding("X", "order('cancel')", "Cancel"),
        Binding("h", "order('hold')", "Hold", show=False),
        Binding("u", "order('unhold')", "Unhold", show=False),
        Binding("t", "order('retry')", "Retry"),
        Binding("plus", "app.set_priority", "Priority", key_display="+", show=False, priority=True),
        Binding("Q", "order('requeue')", "Requeue", show=False),
        Binding("D", "order('delete')", "Delete", show=False),
    ]

    def __init__(self, called: str) -> None:
        super().__init__(called)
        self._exact = False
        self._job: Job | None = None
        """As it was last seen."""

        self._panes = {name: pane(id=name) for name, pane in zip(TABS, PANES, strict=True)}
        """Each is mounted when it is opened first."""

    def body(self) -> Iterator[Widget]:
        """The head, the tabs, the open tab."""
        yield Static(id="head")
        yield TabLine([pane.name_in_tabs for pane in PANES])
        with ContentSwitcher(initial=self.tab):
            yield self.pane

    def on_mount(self) -> None:
        """Say what is looked for; the tab has the keys."""
        self._show_head(line(f"job {self.called}"))
        self.pane.take_keys()

    @property
    def pane(self) -> Pane:
        """The open tab."""
        return self._panes[self.tab]

    @property
    def crumb(self) -> str:
        """Its name in the first line."""
        return f"Job {self.called}"

    @property
    def command(self) -> str:
        """The `emp` command that shows what the tab shows."""
        return self.pane.command(self.called)

    @property
    def id_here(self) -> str:
        """The id under the cursor, or the job's."""
        return self.pane.id_here or self.called

    @property
    def read(self) -> JobRead:
        """What the open tab shows."""
        return self.pane.read(self.called, exact=self._exact)

    def draw(self, data: JobSeen[object], at: int) -> None:
        """Show the head and the tab."""
        self._job = data.job
        self._show_head(_head(data.job, at))
        self.pane.draw(data.job, data.more, at)
        if not self._exact:
            self.called, self._exact = data.job.id, True
            self.ask()

    def on_refused(self, message: Refused) -> None:
        """The job is gone, or the tab cannot be read."""
        if message.read != self.read:
            return
        is_gone = isinstance(message.error, NotFound) and message.error.kind == "job"
        if is_gone or self._job is None:
            self._show_head(self._absence(message.error))
        else:
            self.pane.refuse(message.error)

    def _absence(self, error: EmpError) -> Content:
        told = error.message if self._job is None else f"job {self._job.id} was deleted; this is what was last seen"
        return line(f"{told}{f': {error.hint}' if error.hint else ''}", "bold $text-error")

    def _show_head(self, head: Content) -> None:
        self.query_one("#head", Static).update(head)

    # The tabs.

    async def on_tab_line_chosen(self, message: TabLine.Chosen) -> None:
        """A tab was clicked."""
        await self.action_show_tab(TABS[message.place])

    def on_pane_asks(self) -> None:
        """The tab wants something else to be read."""
        self.ask()

    async def action_show_tab(self, name: str) -> None:
        """Open a tab."""
        switcher, pane = self.query_one(ContentSwitcher), self._panes[name]
        if not pane.is_attached:
            await switcher.mount(pane)
        self.tab = switcher.current = name
        self.query_one(TabLine).open_tab = TABS.index(name)
        pane.take_keys()
        self.ask()

    def ordered(self, verb: str) -> Ordered | None:
        """The order for the job."""
        return None if self._job is None else Ordered(verb, jobs=[self._job])


def _head(job: Job, at: int) -> Content:
    style = f"bold {themed(state_style(job))}"
    if job.state is None:
        return line(f"{job.id} is corrupt: its record is damaged; the hub tries to repair it", style)
    code = f" ({job.failure_code})" if job.state is JobState.FAILED and job.failure_code else ""
    told = (service_of(job), f"priority {job.priority}", job.customer_id or "", worker_of(job))
    note = remark(job, at) if job.state is not JobState.FAILED else job.error or ""
    words = [line(word) for word in (*told, note) if word]
    return join(line(f"{job.id}  {state_of(job)}{code}", style), *words, gap="  ")
