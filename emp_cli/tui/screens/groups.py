"""What waits, runs and is offered, by class, model, customer and workflow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import join as join_words
from typing import Any

from textual.content import Content

from emp_cli.output.asked import asked
from emp_cli.output.explanation import TIER_STYLES
from emp_cli.output.layout import Column, Sheet
from emp_cli.output.units import count_workers, since
from emp_cli.tui.asking import jobs_asking
from emp_cli.tui.messages import Open
from emp_cli.tui.reads import Read
from emp_cli.tui.reads_groups import GroupsRead, WorkflowsRead
from emp_cli.tui.screens.listing import ListScreen
from emp_cli.tui.text import line, themed
from emp_cli.tui.widgets.row_table import RowTable
from emp_core.domain.backlog import why_never
from emp_core.domain.demand import Group, Groups, WorkflowDemand, Workflows
from emp_core.domain.filter import Filter, parse
from emp_core.domain.requirements import Requirements
from emp_core.domain.standing import Tier

NO_CUSTOMER = "(no customer)"
NEVER = TIER_STYLES[Tier.NEVER]


def _note(group: Group, now: int) -> str:
    notes = ["never run" if group.asks else f"{group.unworkable:,} never run"] if group.unworkable else []
    if group.at_limit:
        notes.append(f"{group.at_limit:,} at the limit")
    return ", ".join(notes)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _group_columns(*first: Column[Group]) -> tuple[Column[Group], ...]:
    return (
        *first,
        Column("PENDING", lambda group, now: f"{group.pending:,}", "right", sorts="-pending"),
        Column("RUNNING", lambda group, now: f"{group.running:,}", "right", sorts="-running"),
        Column("WAIT", lambda group, now: since(group.oldest_at, now), "right", sorts="oldest_at"),
        Column("WORKERS", lambda group, now: f"{group.offer.workers:,}", "right", sorts="-workers"),
        Column("FREE", lambda group, now: f"{group.offer.free:,}/{group.offer.slots:,}", "right", sorts="-free"),
        Column("NOTE", _note, shrinks=True, optional=True, style=lambda group: NEVER if group.unworkable else ""),
    )


def _needs(group: Group) -> str:
    return asked(group.asks, but=("customer_id",)) or "nothing" if group.asks else ""


def _title(group: Group) -> str:
    return f"needs {_needs(group)}" if group.asks else group.name or NO_CUSTOMER


def _offered(group: Group) -> str:
    offer = group.offer
    return f"{count_workers(offer.workers)}, {offer.free:,} of {offer.slots:,} slots free"


def _customer(group: Group) -> str:
    return group.asks.customer_id or "" if group.asks else ""


def _group_view(group: Group) -> dict[str, Any]:
    return {
        "pending": group.pending or None,
        "running": group.running or None,
        "oldest_at": group.oldest_at,
        "workers": group.offer.workers,
        "free": group.offer.free,
    }


def _groups(*first: Column[Group]) -> Sheet[Group]:
    return Sheet(_group_columns(*first), _group_view, lambda group: group.name, {})


CLASSES = _groups(
    Column("NEEDS", lambda group, now: _needs(group), shrinks=True, keeps=30),
    Column("CUSTOMER", lambda group, now: _customer(group), shrinks=True, optional=True),
)
MODELS = _groups(Column("MODEL", lambda group, now: group.name, shrinks=True, keeps=30))
CUSTOMERS = _groups(Column("CUSTOMER", lambda group, now: group.name or NO_CUSTOMER, shrinks=True))

WORKFLOWS: Sheet[WorkflowDemand] = Sheet(
    (
        Column("WORKFLOW", lambda flow, now: flow.name, shrinks=True),
        Column(
            "PRI", lambda flow, now: "" if flow.priority is None else str(flow.priority), "right", sorts="-priority"
        ),
        Column("PENDING", lambda flow, now: f"{flow.pending:,}", "right", sorts="-pending"),
        Column("RUNNING", lambda flow, now: f"{flow.running:,}", "right", sorts="-running"),
        Column("ALL JOBS", lambda flow, now: f"{flow.jobs:,}", "right", sorts="-jobs"),
        Column("WAIT", lambda flow, now: since(flow.oldest_at, now), "right", sorts="oldest_at"),
        Column(
            "RESERVED WORKERS", lambda flow, now: str(flow.reserved or ""), "right", optional=True, sorts="-reserved"
        ),
    ),
    lambda flow: {
        "priority": flow.priority,
        "pending": flow.pending,
        "running": flow.running,
        "jobs": flow.jobs,
        "oldest_at": flow.oldest_at,
        "reserved": flow.reserved,
    },
    lambda flow: flow.name,
    {},
)


def _of_class(group: Group) -> Filter:
    """Jobs that ask all that a class asks, of the same customer or of none; those that ask for more are found too."""
    asks = group.asks or Requirements()
    return jobs_asking(asks) if asks.customer_id else jobs_asking(asks) & parse("-customer:*")


def _of_customer(group: Group) -> Filter:
    return Filter.of(customer=group.name) if group.name else parse("-customer:*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What one of the tables shows."""

    noun: str
    sheet: Sheet[Any]
    read: Read[Any]
    filter_of: Callable[[Any], Filter]
    """The jobs behind a row."""


KINDS: Mapping[str, Kind] = {
    "classes": Kind(noun="class", sheet=CLASSES, read=GroupsRead("classes"), filter_of=_of_class),
    "models": Kind(
        noun="model", sheet=MODELS, read=GroupsRead("models"), filter_of=lambda group: Filter.of(model=group.name)
    ),
    "customers": Kind(noun="customer", sheet=CUSTOMERS, read=GroupsRead("customers"), filter_of=_of_customer),
    "workflows": Kind(
        noun="workflow",
        sheet=WORKFLOWS,
        read=WorkflowsRead(),
        filter_of=lambda flow: Filter.of(workflow=flow.name),
    ),
}


class GroupsScreen(ListScreen[Any]):
    """One of four tables."""

    def __init__(self, kind: str, words: str = "") -> None:
        self._kind = KINDS[kind]
        super().__init__(self._kind.sheet, self._kind.noun, kind, words)
        self._said: Groups | Workflows = Workflows()

    @property
    def command(self) -> str:
        """The `emp` command that shows the jobs behind the row under the cursor."""
        wanted = self._wanted()
        return join_words(["emp", "jobs", "--where", wanted]) if wanted else ""

    def _wanted(self) -> str:
        row = self.table.cursor_row
        return "" if row is None else str(self._kind.filter_of(row))

    @property
    def read(self) -> Read[Any]:
        """The rows of this table."""
        return self._kind.read

    def draw(self, data: Groups | Workflows, at: int) -> None:
        """Show them."""
        self._said = data
        rows: Sequence[Any] = data.groups if isinstance(data, Groups) else data.workflows
        self.show(rows, at)

    def notes(self) -> Iterator[Content]:
        """What was not read."""
        said = self._said
        notes = _left_out(said) if isinstance(said, Groups) else _not_looked_at(said)
        yield from (line(note, "$text-warning") for note in notes)

    def details(self) -> Iterator[Content]:
        """The whole name of the row under the cursor, who is there for its jobs, and why no worker can run them."""
        row, said = self.table.cursor_row, self._said
        if not isinstance(row, Group) or not isinstance(said, Groups):
            return
        yield line(f"{_title(row)}: {_offered(row)}")
        if row.unworkable and row.asks:
            yield line(why_never(row.asks, said.demand.workers), themed(NEVER))

    def on_row_table_scrolled(self) -> None:
        """The cursor may be on another row."""
        self.say()

    def on_row_table_opened(self, message: RowTable.Opened) -> None:
        """Enter on a row shows its jobs."""
        self.post_message(Open(f"jobs {self._wanted()}"))


def _left_out(said: Groups) -> Iterator[str]:
    demand = said.demand
    if demand.more_classes:
        yield f"{demand.more_classes:,} more kinds of jobs wait and are not counted"
    if demand.more_running:
        yield f"{demand.more_running:,} more jobs run, of which kinds may be missing"
    if not demand.oldest_exact:
        yield "some may wait for longer"


def _not_looked_at(said: Workflows) -> Iterator[str]:
    if not said.exact:
        yield f"of running and of {said.looked_at:,} pending jobs; there may be others"
