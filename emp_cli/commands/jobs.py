"""`emp jobs`: the list."""

from typing import TYPE_CHECKING

import typer

from emp_cli.input.options import (
    AllOption,
    CustomerOption,
    JobLimitOption,
    OutputOption,
    SearchAllOption,
    ServiceOption,
    StatusOption,
    UnworkableOption,
    WatchOption,
    WhereOption,
    WorkerOption,
    WorkflowOption,
)
from emp_cli.output import formats, terminal
from emp_cli.output.columns import JOBS
from emp_cli.output.formats import Format
from emp_cli.output.watching import watch as watch_rows
from emp_cli.run import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.filter import Filter
    from emp_core.domain.job import Job
    from emp_core.store import Page

AT_ONCE = 1_000


def list_jobs(
    ctx: typer.Context,
    where: WhereOption = None,
    status: StatusOption = None,
    service: ServiceOption = None,
    customer: CustomerOption = None,
    worker: WorkerOption = None,
    workflow: WorkflowOption = None,
    unworkable: UnworkableOption = False,
    limit: JobLimitOption = 50,
    all_jobs: AllOption = False,
    search_all: SearchAllOption = False,
    watch: WatchOption = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """List jobs.

    Running jobs, then waiting ones as they start, then ended ones, the newest first; by more than a status, the last
    submitted first.

    Examples:
    emp jobs --where 'status:failed error:"out of memory" ended<1h'
    emp jobs --customer acme --status failed --all -o ids | emp job retry -
    """

    async def work(emp: "AsyncEmp") -> None:
        from emp_core.domain.filter import EVERY_JOB, Filter, parse

        marks = {"unworkable": "yes" if unworkable else None}
        wanted = Filter.of(status=status, service=service, customer=customer, worker=worker, workflow=workflow, **marks)
        wanted &= parse(where) if where else EVERY_JOB
        await _list(emp, wanted, None if all_jobs else limit, search_all, watch, output)

    run(ctx, work)


async def _list(
    emp: "AsyncEmp", wanted: "Filter", limit: int | None, search_all: bool, watch: bool, output: Format
) -> None:
    async def fetch() -> "Sequence[Job]":
        return (await _read(emp, wanted, limit, search_all))[0]

    async def draw(jobs: "Sequence[Job]") -> "Table":
        return formats.table(jobs, JOBS, await emp.now_ms())

    if watch:
        await watch_rows(fetch, JOBS, draw, output)
        return
    jobs, pages = await _read(emp, wanted, limit, search_all)
    formats.write(jobs, JOBS, output, await emp.now_ms())
    for note in _notes(len(jobs), pages):
        terminal.note(note)


async def _read(
    emp: "AsyncEmp", wanted: "Filter", limit: int | None, search_all: bool
) -> "tuple[list[Job], list[Page]]":
    """As many jobs as are asked for, and the pages that they are from."""
    jobs: list[Job] = []
    pages: list[Page] = []
    while not pages or (pages[-1].cursor and not pages[-1].of and (limit is None or len(jobs) < limit)):
        some = AT_ONCE if limit is None else min(AT_ONCE, limit - len(jobs))
        cursor = pages[-1].cursor if pages else None
        pages.append(await emp.jobs(wanted, limit=some, cursor=cursor or "", search_all=search_all))
        jobs += pages[-1].jobs
    return jobs, pages


def _notes(shown: int, pages: "Sequence[Page]") -> "Sequence[str]":
    """What was not shown is said."""
    last, searched = pages[-1], sum(page.searched for page in pages)
    notes = []
    if last.of is not None:
        found = "1 matches" if shown == 1 else f"{shown:,} match"
        notes.append(f"searched {searched:,} of {last.of:,} jobs; {found}; --search-all searches the rest")
    elif last.cursor is not None:
        of = "" if last.total is None else f" of {last.total:,}"
        notes.append(f"showing {shown:,}{of}; --limit N or --all shows more")
    if not last.complete:
        notes.append("the hub is still listing the jobs of an earlier version for filters: some may be missing here")
    return notes
