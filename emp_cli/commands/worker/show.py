"""`emp worker show`."""

from typing import TYPE_CHECKING

import typer

from emp_cli.input.options import OutputOption, WatchOption, WorkerId
from emp_cli.input.worker_names import worker_id_of
from emp_cli.output import formats
from emp_cli.output.columns import WORKERS
from emp_cli.output.details import write_worker
from emp_cli.output.layout import Format, Layout
from emp_cli.output.watching import Look, watching
from emp_cli.run import run
from emp_core.domain.views import worker_view

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


def show(ctx: typer.Context, worker: WorkerId, watch: WatchOption = None, output: OutputOption = Format.TABLE) -> None:
    """Show a worker: its hardware, services and jobs.

    Examples:
    emp worker gpu1:0
    emp worker gpu1:0 --watch
    """
    layout = Layout(output)

    async def look(emp: "AsyncEmp", worker_id: str) -> Look:
        found, now = await emp.worker(worker_id), await emp.now_ms()

        def write() -> None:
            if output.is_table:
                write_worker(found, now)
            elif output is Format.IDS:
                formats.write([found], WORKERS, layout)
            else:
                formats.write_view(worker_view(found), layout)

        return Look(now=now, views={found.id: worker_view(found)}, write=write)

    async def work(emp: "AsyncEmp") -> None:
        worker_id = await worker_id_of(emp, worker)
        if watch:
            await watching(ctx, watch, layout).run(lambda: look(emp, worker_id))
        else:
            (await look(emp, worker_id)).write()

    run(ctx, work)
