"""What is known of a job, and the jobs that it waits for or keeps waiting."""

from collections.abc import Hashable, Iterator, Sequence

from emp_cli.output.columns import JOB_COLUMNS
from emp_cli.output.details import job_facts
from emp_cli.output.facts import LABEL
from emp_cli.tui.reads_job import Family, SummaryRead
from emp_cli.tui.screens.job.pane import DocumentPane
from emp_cli.tui.text import line
from emp_cli.tui.widgets.lines import BLANK, Line, fact, table_lines, title
from emp_core.domain.job import Job

COLUMNS = [column for column in JOB_COLUMNS if column.name in ("JOB", "STATE", "SERVICE", "NOTE")]


class SummaryPane(DocumentPane):
    """Facts. Enter on a customer, a workflow or a worker opens it, and on a job too."""

    name_in_tabs = "Summary"
    read_as = SummaryRead

    def draw(self, job: Job, more: Family, at: int) -> None:
        """Show what is known."""
        self.show(lambda width: list(_lines(job, more, at, width)))


def _lines(job: Job, family: Family, at: int, width: int) -> Iterator[Line]:
    for label, text in job_facts(job, family.outcome, at):
        if text:
            yield fact(label, text, LABEL + 1, key=_opened_by(job, label))
    yield from _parents(job, family, at, width)
    yield from _children(job, family, at, width)


def _opened_by(job: Job, label: str) -> Hashable:
    if label == "customer":
        return f"jobs customer:{job.customer_id}"
    if label == "workflow":
        return f"jobs workflow:{job.workflow_id}"
    return f"worker {job.worker}" if label in ("worker", "last on") else None


def _parents(job: Job, family: Family, at: int, width: int) -> Iterator[Line]:
    if not job.depends_on:
        return
    yield from (BLANK, title("jobs that it depends on"))
    yield from _table(family.parents, at, width)
    known = {parent.id for parent in family.parents}
    for name in job.depends_on:
        if name not in known:
            yield Line(line(f"{name}  was deleted", "$text-muted"))


def _children(job: Job, family: Family, at: int, width: int) -> Iterator[Line]:
    if family.children:
        yield from (BLANK, title("jobs that wait for it"))
        yield from _table(family.children, at, width)
    if family.children is None or family.more_children:
        told = "more jobs may wait for it" if family.children is None else "more jobs wait for it"
        yield Line(line(f"{told}: Enter lists them"), key=f"jobs depends_on:{job.id}", opens=True)


def _table(jobs: Sequence[Job], at: int, width: int) -> Iterator[Line]:
    if jobs:
        yield from table_lines(jobs, COLUMNS, at, width, lambda each: f"job {each.id}")
