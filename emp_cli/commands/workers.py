"""`emp workers`: the fleet."""

from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.input.options import (
    ServiceOption,
    WatchOption,
    flag,
)
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
    from emp_core.domain.worker import Worker


NONE = "no worker is running"


@shows(WORKERS)
def list_workers(
    ctx: typer.Context,
    gone: Annotated[bool, flag("--all", help="Show stopped and lost workers too.")] = False,
    service: ServiceOption = None,
    watch: WatchOption = None,
    *,
    layout: Layout,
) -> None:
    """List live workers.

    Examples:
    emp workers
    emp workers --service comfyui --watch
    emp workers --columns worker,busy,models --sort -busy
    """

    async def work(emp: "AsyncEmp") -> None:
        async def fetch() -> "Sequence[Worker]":
            found = await emp.workers(gone=gone)
            return [worker for worker in found if service is None or service in worker.capabilities.services]

        async def look() -> Look:
            found, now = await fetch(), await emp.now_ms()
            views = {worker.id: WORKERS.view(worker) for worker in found}
            return Look(now=now, views=views, write=lambda: formats.write(found, WORKERS, layout, now))

        if watch:
            await watching(ctx, watch, layout).run(look)
            return
        found = await fetch()
        none_at_all = not found and not service
        formats.show(found, WORKERS, layout, await emp.now_ms(), nothing=NONE if none_at_all else NOTHING)
        if layout.format.is_table and not gone and not service:
            await _tell_lost(emp)
        if layout.format.is_table and none_at_all:
            terminal.hint_line("emp worker start --services comfyui")

    run(ctx, work)


async def _tell_lost(emp: "AsyncEmp") -> None:
    lost = sum(worker.state is WorkerState.LOST for worker in await emp.workers(gone=True))
    if lost:
        terminal.note(f"{lost} more {'is' if lost == 1 else 'are'} lost: emp workers --all")
