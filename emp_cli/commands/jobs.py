"""`emp jobs`: the list."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from emp_cli.input.options import (
    AllOption,
    CustomerOption,
    JobLimitOption,
    SearchAllOption,
    ServiceOption,
    SinceOption,
    StatusOption,
    UntilOption,
    UnworkableOption,
    WatchOption,
    WhereOption,
    WorkerOption,
    WorkflowOption,
)
from emp_cli.input.shaping import shows
from emp_cli.output import formats, terminal
from emp_cli.output.columns import JOBS
from emp_cli.output.layout import Layout
from emp_cli.output.units import time_ago
from emp_cli.output.watching import Look, watching
from emp_cli.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.filter import Filter
    from emp_core.domain.job import Job
    from emp_core.store import Page

AT_ONCE = 1_000


@shows(JOBS)
def list_jobs(
    ctx: typer.Context,
    where: WhereOption = None,
    status: StatusOption = None,
    service: ServiceOption = None,
    customer: CustomerOption = None,
    worker: WorkerOption = None,
    workflow: WorkflowOption = None,
    unworkable: UnworkableOption = False,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: JobLimitOption = 50,
    all_jobs: AllOption = False,
    search_all: SearchAllOption = False,
    watch: WatchOption = None,
    *,
    layout: Layout,
) -> None:
    """List jobs.

    Running jobs, then waiting ones as they start, then ended ones, the newest first; by more than a status, the last
    submitted first.

    Examples:
    emp jobs --where 'status:failed error:"out of memory" ended<1h'
    emp jobs --customer acme --status failed --all -q | emp job retry -
    """

    async def work(emp: "AsyncEmp") -> None:
        from emp_core.domain.filter import Filter

        marks = {"unworkable": "yes" if unworkable else None}
        wanted = Filter.of(status=status, service=service, customer=customer, worker=worker, workflow=workflow, **marks)
        wanted &= await _typed(emp, where, since, until)
        asked = Asked(emp, wanted, None if all_jobs else limit, search_all, layout)
        await (watching(ctx, watch, layout).run(asked.look) if watch else asked.show())

    run(ctx, work)


async def _typed(emp: "AsyncEmp", where: str | None, since: str | None, until: str | None) -> "Filter":
    """The filter, and the one for the time of the submit."""
    from emp_core.domain.filter import parse
    from emp_core.domain.views import time_view

    now = await emp.now_ms() if since or until else 0
    after = f"created>={time_view(time_ago('since', since, now))}" if since else ""
    before = f"created<={time_view(time_ago('until', until, now))}" if until else ""
    return parse(where or "") & parse(f"{after} {before}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be listed, and how."""

    emp: "AsyncEmp"
    wanted: "Filter"
    limit: int | None
    search_all: bool
    layout: Layout

    async def show(self) -> None:
        """List it once; what was not shown is said."""
        jobs, pages = await self._read()
        formats.show(jobs, JOBS, self.layout, await self.emp.now_ms())
        for note in _notes(len(jobs), pages, self.layout):
            terminal.note(note)

    async def look(self) -> Look:
        """What there is to see now."""
        jobs, pages = await self._read()
        now = await self.emp.now_ms()
        return Look(
            now=now,
            views={job.id: JOBS.view(job) for job in jobs},
            write=lambda: formats.write(jobs, JOBS, self.layout, now),
            unread=max(0, (pages[-1].total or 0) - len(jobs)),
        )

    async def _read(self) -> "tuple[list[Job], list[Page]]":
        """As many jobs as are asked for, and the pages that they are from."""
        jobs: list[Job] = []
        pages: list[Page] = []
        while not pages or (pages[-1].cursor and not pages[-1].of and (self.limit is None or len(jobs) < self.limit)):
            some = AT_ONCE if self.limit is None else min(AT_ONCE, self.limit - len(jobs))
            cursor = pages[-1].cursor if pages else None
            pages.append(await self.emp.jobs(self.wanted, limit=some, cursor=cursor or "", search_all=self.search_all))
            jobs += pages[-1].jobs
        return jobs, pages


def _notes(shown: int, pages: "Sequence[Page]", layout: Layout) -> "Sequence[str]":
    last, searched = pages[-1], sum(page.searched for page in pages)
    notes = []
    if last.of is not None:
        found = "1 matches" if shown == 1 else f"{shown:,} match"
        notes.append(f"searched {searched:,} of {last.of:,} jobs; {found}; --search-all searches the rest")
    elif last.cursor is not None:
        of = "" if last.total is None else f" of {last.total:,}"
        notes.append(f"showing {shown:,}{of}; --limit N or --all shows more")
    if layout.sort and last.cursor is not None:
        notes.append(f"only the {shown:,} shown are sorted; with --all the whole list is")
    if not last.complete:
        notes.append("the hub is still listing the jobs of an earlier version for filters: some may be missing here")
    return notes
