"""`emp workers`: the fleet."""

from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.input.completing import worker_filters
from emp_cli.input.options import ServiceOption, WatchOption, flag
from emp_cli.input.shaping import shows
from emp_cli.output import formats, terminal
from emp_cli.output.columns import WORKERS
from emp_cli.output.formats import NOTHING
from emp_cli.output.layout import Layout
from emp_cli.output.watching import Look, watching
from emp_cli.run import run
from emp_core.domain.worker import WorkerState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.filter import WorkerFilter
    from emp_core.domain.worker import Worker


NONE = "no worker is running"

WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        autocompletion=worker_filters,
        help="Only workers that match a filter, such as 'machine:gpu1 busy=0'; see docs/filters.md.",
    ),
]


@shows(WORKERS)
def list_workers(
    ctx: typer.Context,
    gone: Annotated[bool, flag("--all", help="Show stopped and lost workers too.")] = False,
    service: ServiceOption = None,
    where: WhereOption = None,
    watch: WatchOption = None,
    *,
    layout: Layout,
) -> None:
    """List live workers.

    Examples:
    emp workers
    emp workers --service comfyui --watch
    emp workers --where 'status:ready gpu>=24 busy=0'
    emp workers --columns worker,busy,models --sort -busy
    """
    from emp_core.domain.filter import parse_workers

    wanted = parse_workers(where or "")

    async def work(emp: "AsyncEmp") -> None:
        async def look() -> Look:
            found, now = await _chosen(emp, wanted, service, gone=gone)
            views = {worker.id: WORKERS.view(worker) for worker in found}
            return Look(now=now, views=views, write=lambda: formats.write(found, WORKERS, layout, now))

        if watch:
            await watching(ctx, watch, layout).run(look)
            return
        found, now = await _chosen(emp, wanted, service, gone=gone)
        chosen = service or where
        none_at_all = not found and not chosen
        formats.show(found, WORKERS, layout, now, nothing=NONE if none_at_all else NOTHING)
        if layout.format.is_table and not gone and not chosen:
            await _tell_lost(emp)
        if layout.format.is_table and none_at_all:
            terminal.hint_line("emp worker start --services comfyui")

    run(ctx, work)


async def _chosen(
    emp: "AsyncEmp", wanted: "WorkerFilter", service: str | None, *, gone: bool
) -> "tuple[Sequence[Worker], int]":
    """The workers to show, and the time."""
    known, now = await emp.workers(gone=gone), await emp.now_ms()
    served = (worker for worker in known if service is None or service in worker.capabilities.services)
    return [worker for worker in served if wanted.matches(worker, now)], now


async def _tell_lost(emp: "AsyncEmp") -> None:
    lost = sum(worker.state is WorkerState.LOST for worker in await emp.workers(gone=True))
    if lost:
        terminal.note(f"{lost} more {'is' if lost == 1 else 'are'} lost: emp workers --all")
