"""`emp jobs`: the list."""

from typing import TYPE_CHECKING

import typer

from emp_cli.input.options import (
    CustomerOption,
    LimitOption,
    OutputOption,
    ServiceOption,
    Status,
    StatusOption,
    UnworkableOption,
    WatchOption,
    WorkerOption,
    WorkflowOption,
)
from emp_cli.output import formats, terminal
from emp_cli.output.columns import JOBS
from emp_cli.output.formats import Format
from emp_cli.output.watching import watch as watch_rows
from emp_cli.run import run
from emp_core.domain.states import WAITING, JobState, states_named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.job import Job
    from emp_core.store import JobFilter, Page


def list_jobs(
    ctx: typer.Context,
    status: StatusOption = None,
    service: ServiceOption = None,
    customer: CustomerOption = None,
    worker: WorkerOption = None,
    workflow: WorkflowOption = None,
    unworkable: UnworkableOption = False,
    limit: LimitOption = 50,
    watch: WatchOption = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """List jobs.

    Running jobs first, then waiting jobs in the order in which they start, then completed, failed and cancelled jobs,
    each the newest first.

    Examples:
    emp jobs --status active --status pending --watch
    emp jobs --unworkable
    emp jobs --customer acme --status failed -o ids | emp job retry -
    """

    async def work(emp: "AsyncEmp") -> None:
        from emp_core.store import JobFilter

        wanted = JobFilter(
            states=_states(status, unworkable),
            held=Status.HELD in (status or ()),
            service=service,
            customer_id=customer,
            worker=worker,
            workflow_id=workflow,
            unworkable=unworkable,
        )
        await _list(emp, wanted, limit, watch, output)

    run(ctx, work)


def _states(status: list[Status] | None, unworkable: bool) -> tuple[JobState, ...]:
    return states_named(WAITING if unworkable and not status else status or ())


async def _list(emp: "AsyncEmp", wanted: "JobFilter", limit: int, watch: bool, output: Format) -> None:
    async def fetch() -> "Sequence[Job]":
        return (await emp.jobs(wanted, limit=limit)).jobs

    async def draw(jobs: "Sequence[Job]") -> "Table":
        return formats.table(jobs, JOBS, await emp.now_ms())

    if watch:
        await watch_rows(fetch, JOBS, draw, output)
        return
    page = await emp.jobs(wanted, limit=limit)
    formats.write(page.jobs, JOBS, output, await emp.now_ms())
    _tell_rest(page, limit)


def _tell_rest(page: "Page", limit: int) -> None:
    """What was not shown is said."""
    if page.more and len(page.jobs) < limit:
        terminal.note(f"{len(page.jobs)} match among the first {page.looked_at} jobs; search fewer with --status")
    elif page.more:
        terminal.note(f"showing {len(page.jobs)}; --limit shows more")
