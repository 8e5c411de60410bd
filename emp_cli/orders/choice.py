"""Which jobs an order is for: those that are named, or those that match a filter."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emp_cli.input.arguments import ids_of
from emp_cli.output import terminal
from emp_core.client.orders import Order, count, states_in_words
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.filter import Filter
    from emp_core.domain.job import Job

AT_ONCE = 1_000

SHOWN = 10
"""Jobs that are shown before the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was typed."""

    ids: Sequence[str]
    where: str | None
    dry_run: bool
    yes: bool

    def names(self) -> list[str] | None:
        """The ids, also those that stdin has; None if a filter chooses. Raises `InvalidInput`."""
        if self.where is not None and self.ids:
            raise InvalidInput("where", "works in place of ids, not with them")
        if self.where is not None:
            return None
        if not self.ids:
            raise InvalidInput("ids", "which jobs?", hint="give ids, - to read them from stdin, or --where FILTER")
        return ids_of(self.ids)


@dataclass(frozen=True, slots=True)
class Found:
    """The jobs that an order is for."""

    ids: Sequence[str]
    sample: Sequence["Job"]
    states: Counter[str]

    def in_words(self) -> str:
        """`14 jobs: 3 active, 11 pending`."""
        return f"{count(self.ids)}: {states_in_words(self.states)}"


async def find(emp: "AsyncEmp", wanted: "Filter", order: Order) -> Found:
    """All jobs that match and that an order can change, however many have to be looked at."""
    ids: list[str] = []
    sample: list[Job] = []
    counts = Counter[str]()
    complete = True
    cursor: str | None = ""
    while cursor is not None:
        page = await emp.jobs(wanted, limit=AT_ONCE, cursor=cursor, search_all=True)
        jobs = [job for job in page.jobs if order.takes(job)]
        ids += [job.id for job in jobs]
        sample = sample or jobs[:SHOWN]
        counts.update(job.shown_state for job in jobs)
        complete, cursor = page.complete, page.cursor
    if not complete:
        terminal.warn("the hub is still listing the jobs of an earlier version: some that match may be missing")
    return Found(ids, sample, counts)


def is_confirmed(question: str, hint: str) -> bool:
    """Whether the person at the terminal says yes. Raises `InvalidInput` if there is no terminal to ask on."""
    if not (sys.stdin.isatty() and terminal.err_is_terminal()):
        raise InvalidInput("yes", f"is needed where nobody can answer: {question}", hint=hint)
    terminal.note(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
