"""`emp workers`: the fleet."""

from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.input.options import OutputOption, ServiceOption, WatchOption, flag
from emp_cli.output import formats, terminal
from emp_cli.output.columns import WORKERS
from emp_cli.output.formats import NOTHING, Format
from emp_cli.output.watching import watch as watch_rows
from emp_cli.run import run
from emp_core.domain.worker import WorkerState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from emp_core.client.async_emp import AsyncEmp
    from emp_core.domain.worker import Worker


NONE = "no worker is running"


def list_workers(
    ctx: typer.Context,
    gone: Annotated[bool, flag("--all", help="Show stopped and lost workers too.")] = False,
    service: ServiceOption = None,
    watch: WatchOption = False,
    output: OutputOption = Format.TABLE,
) -> None:
    """List live workers.

    Examples:
    emp workers
    emp workers --service comfyui --watch
    """

    async def work(emp: "AsyncEmp") -> None:
        async def fetch() -> "Sequence[Worker]":
            found = await emp.workers(gone=gone)
            return [worker for worker in found if service is None or service in worker.capabilities.services]

        async def draw(workers: "Sequence[Worker]") -> "Table":
            return formats.table(workers, WORKERS, await emp.now_ms())

        if watch:
            await watch_rows(fetch, WORKERS, draw, output)
            return
        found = await fetch()
        none_at_all = not found and not service
        formats.write(found, WORKERS, output, await emp.now_ms(), nothing=NONE if none_at_all else NOTHING)
        if output is Format.TABLE and not gone and not service:
            await _tell_lost(emp)
        if output is Format.TABLE and none_at_all:
            terminal.hint_line("emp worker start --services comfyui")

    run(ctx, work)


async def _tell_lost(emp: "AsyncEmp") -> None:
    lost = sum(worker.state is WorkerState.LOST for worker in await emp.workers(gone=True))
    if lost:
        terminal.note(f"{lost} more {'is' if lost == 1 else 'are'} lost: emp workers --all")
