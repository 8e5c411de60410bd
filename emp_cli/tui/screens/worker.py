"""One worker: its slots and services, what it offers, what it makes of the queue, its last jobs."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from shlex import join as join_words
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane

from emp_cli.output.columns import WORKER_STYLES
from emp_cli.output.details import worker_facts, worker_times
from emp_cli.output.explanation import counts_in_words
from emp_cli.output.facts import LABEL
from emp_cli.output.layout import Layout, Sheet
from emp_cli.output.units import count_jobs, since
from emp_cli.tui.messages import Open, Refused
from emp_cli.tui.reads_worker import OneWorker, WorkerRead
from emp_cli.tui.screens.tabbed import TabbedScreen
from emp_cli.tui.screens.worker_sheets import (
    LAST_JOBS,
    OFFERS,
    QUEUE,
    SLOTS,
    Judged,
    Slot,
    judged,
    offers_of,
    slots_of,
    told_of,
)
from emp_cli.tui.steering import Steered
from emp_cli.tui.text import join, line, lines, themed
from emp_cli.tui.widgets.row_table import RowTable
from emp_core.domain.explain import WorkerExplanation
from emp_core.domain.filter import Filter
from emp_core.domain.job import Job
from emp_core.domain.standing import MOST_CLASSES
from emp_core.domain.states import ENDED, JobState
from emp_core.domain.worker import Worker

TABS: Mapping[str, tuple[str, Sheet[Any]]] = {
    "slots": ("Slots", SLOTS),
    "offers": ("Offers", OFFERS),
    "queue": ("Queue", QUEUE),
    "ended": ("Last jobs", LAST_JOBS),
}
"""Name -> title, and the sheet of its table."""

SAID_ELSEWHERE = ("services", "outage", "jobs")
"""Facts that have lines or rows of their own."""

SERVICE_STYLES = {"up": "$text-success", "busy": "$text-warning"}


class WorkerScreen(TabbedScreen):
    """A worker in four tabs; only what the open one shows is read."""

    CSS_PATH = "worker.tcss"
    TABS = tuple(TABS)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h", "app.steer('pause')", "Pause", priority=True),
        Binding("u", "app.steer('resume')", "Resume", priority=True),
        Binding("D", "app.steer('drain')", "Drain", priority=True),
    ]

    def __init__(self, called: str) -> None:
        super().__init__(called)
        self._seen: OneWorker | None = None

    def body(self) -> Iterator[Widget]:
        """The tabs, each with what is said above its table."""
        with TabbedContent(initial=self.tab):
            for name, (title, sheet) in TABS.items():
                with TabPane(title, id=name):
                    yield Static(id=f"{name}-facts", classes="facts")
                    yield RowTable(sheet, id=f"{name}-rows", can_mark=False)
                    yield Static(id=f"{name}-foot", classes="cell")

    def on_mount(self) -> None:
        """The table has the keys."""
        self.table.focus()

    @property
    def table(self) -> RowTable[Any]:
        """The table of the open tab."""
        return self.query_one(f"#{self.tab}-rows", RowTable)

    @property
    def worker_id(self) -> str:
        """Its id; what was typed until it is known."""
        return self._seen.worker.id if self._seen else self.called

    @property
    def crumb(self) -> str:
        """Its name in the first line."""
        return f"Worker {self.worker_id}"

    @property
    def command(self) -> str:
        """The `emp` command that shows the same."""
        commands = {
            "queue": ["emp", "explain", "--worker", self.worker_id],
            "ended": ["emp", "jobs", "--where", str(Filter.of(worker=self.worker_id, status=ENDED))],
        }
        return join_words(commands.get(self.tab, ["emp", "worker", "show", self.worker_id]))

    @property
    def id_here(self) -> str:
        """The id of the job under the cursor; else that of the worker."""
        return self._job_here() or self.worker_id

    @property
    def read(self) -> WorkerRead:
        """The worker, and what the open tab shows."""
        return WorkerRead(self.called, self.tab)

    def draw(self, data: OneWorker, at: int) -> None:
        """Show the open tab."""
        self._seen = data
        rows, facts = self._rows_and_facts(data, at)
        self.query_one(f"#{self.tab}-facts", Static).update(Content("\n").join(facts))
        sheet: Sheet[Any] = TABS[self.tab][1]
        self.table.show(rows, at, Layout().columns_of(sheet, rows, at))
        self._tell_row()

    def _rows_and_facts(self, data: OneWorker, at: int) -> tuple[Sequence[Any], list[Content]]:
        worker = data.worker
        if self.tab == "slots":
            return slots_of(worker, {job.id: job for job in data.running}), list(_state(worker, at))
        if self.tab == "offers":
            return list(offers_of(worker)), [_head(worker)]
        if data.explanation is not None:
            self.table.nothing = "no job waits"
            return judged(data.explanation), list(_outlook(data.explanation))
        self.table.nothing = "no job ended here last"
        return data.ended, [_rate(data.ended)]

    def on_refused(self, message: Refused) -> None:
        """There is no such worker, or several; said where the worker would be shown."""
        if message.read == self.read:
            said = lines(f"{message.error.message}\n{message.error.hint}".strip(), "$text-error")
            self.query_one(f"#{self.tab}-facts", Static).update(said)
            self.table.nothing = ""
            self.table.show((), 0)

    # What the person does.

    def on_tabbed_content_tab_activated(self, message: TabbedContent.TabActivated) -> None:
        """Read what the other tab shows."""
        self.tab = message.pane.id or self.tab
        self.table.focus()
        self.ask()

    async def action_show_tab(self, name: str) -> None:
        """Open a tab."""
        self.query_one(TabbedContent).active = name

    def on_row_table_scrolled(self) -> None:
        """The cursor may be on another row."""
        self._tell_row()

    def _tell_row(self) -> None:
        """Say all that stands in the row of the queue under the cursor: its cells may be cut."""
        row = self.table.cursor_row
        said = join(*map(line, told_of(row)), gap="\n") if isinstance(row, Judged) else Content("")
        self.query_one(f"#{self.tab}-foot", Static).update(said)

    def on_row_table_opened(self) -> None:
        """Enter on a row shows its job."""
        job_id = self._job_here()
        if job_id:
            self.post_message(Open(f"job {job_id}"))

    def _job_here(self) -> str:
        match self.table.cursor_row:
            case Slot(job_id=job_id) | Judged(first=job_id) | Job(id=job_id):
                return job_id
        return ""

    def steered(self, verb: str) -> Steered | None:
        """The order for this worker."""
        return Steered(verb, [self._seen.worker]) if self._seen else None


def _head(worker: Worker) -> Content:
    """`gpu1:0 paused: driver update`."""
    why = line(f": {worker.reason}") if worker.reason else ""
    return join(line(worker.id, "bold"), " ", line(worker.state.value, themed(WORKER_STYLES[worker.state])), why)


def _state(worker: Worker, now: int) -> Iterator[Content]:
    yield _head(worker)
    for name in worker.capabilities.services:
        yield _service(worker, name, now)
    for label, text in [*worker_facts(worker, now), *worker_times(worker, now)]:
        if text and label not in SAID_ELSEWHERE:
            yield join(_label(label), line(text))


def _service(worker: Worker, name: str, now: int) -> Content:
    """`comfyui 0.3.68 down for 40s: no answer`."""
    state, outage = worker.services.get(name, "up"), worker.outages.get(name)
    versions = worker.info.get("versions")
    version = versions.get(name, "") if isinstance(versions, Mapping) else ""
    shown = line(state, SERVICE_STYLES.get(state, "$text-error"))
    said = join(line(f"{name} {version}"), shown, gap=" ")
    if outage:
        said = join(said, line(f"for {since(outage.since, now)}: {outage.why}"), gap=" ")
    return join(_label("service"), said)


def _label(text: str) -> Content:
    return Content.styled(text.ljust(LABEL + 1), "$text-muted")


def _outlook(explanation: WorkerExplanation) -> Iterator[Content]:
    yield line(f"{explanation.worker.id}: {explanation.reason}", "bold")
    yield line(counts_in_words(explanation))
    if explanation.outage not in explanation.reason:
        yield line(explanation.outage, "$text-warning")
    if not explanation.exact:
        yield line(f"more than {MOST_CLASSES:,} kinds of jobs wait; only so many were looked at", "$text-warning")


def _rate(ended: Sequence[Job]) -> Content:
    """How many of the last jobs failed; a job that another worker took afterwards is not among them."""
    if not ended:
        return Content("")
    failed = [job for job in ended if job.state is JobState.FAILED]
    causes = Counter(job.cause or job.failure_code or "error" for job in failed)
    said = ", ".join(f"{count} {code}" for code, count in causes.most_common(3))
    share = (
        f"{len(failed)} of the last {count_jobs(len(ended))} that ended here failed ({len(failed) / len(ended):.0%})"
    )
    return line(f"{share}{f': {said}' if said else ''}", "$text-error" if failed else "")
