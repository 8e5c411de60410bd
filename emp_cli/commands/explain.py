"""`emp explain`: why a job waits, and what a worker skips."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.input.completing import job_ids, worker_ids
from emp_cli.input.last import with_last
from emp_cli.input.options import ReportOption, WatchOption
from emp_cli.input.worker_names import worker_id_of
from emp_cli.output import formats, pager
from emp_cli.output.explanation import write_explanation, write_worker_explanation
from emp_cli.output.layout import Format, Layout
from emp_cli.output.watching import Look, watching
from emp_cli.run import run
from emp_core.domain.explanation_views import explanation_view, worker_explanation_view
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


def explain(
    ctx: typer.Context,
    job: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            autocompletion=job_ids,
            callback=with_last,
            help="A job id, or its first 4 or more characters; @last is the last one submitted.",
        ),
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option("--worker", metavar="ID", autocompletion=worker_ids, help="Explain a worker instead of a job."),
    ] = None,
    watch: WatchOption = None,
    output: ReportOption = Format.TABLE,
) -> None:
    """Explain why a job waits, worker by worker; or which jobs a worker skips.

    Examples:
    emp explain 7f3a
    emp explain 7f3a --watch
    emp explain --worker gpu1:0
    """
    if (job is None) == (worker is None):
        raise InvalidInput("ID", "give a job id, or --worker and a worker id")
    if output in (Format.IDS, Format.CSV):
        raise InvalidInput("format", "an explanation can be table, json, jsonl or yaml")
    layout = Layout(output)

    async def work(emp: "AsyncEmp") -> None:
        name = await worker_id_of(emp, worker) if worker else await emp.resolve(job or "")
        look = partial(_look_at_worker if worker else _look_at_job, emp, name)
        if watch:
            await watching(ctx, watch, layout).run(look)
        else:
            _write(await look(), layout)

    run(ctx, work)


def _write(found: Look, layout: Layout) -> None:
    if layout.format.is_table:
        pager.show(found.write)
    else:
        formats.write_view(next(iter(found.views.values())), layout)


async def _look_at_job(emp: "AsyncEmp", job_id: str) -> Look:
    found, now = await emp.explain(job_id), await emp.now_ms()
    return Look(now=now, views={job_id: explanation_view(found)}, write=lambda: write_explanation(found))


async def _look_at_worker(emp: "AsyncEmp", worker_id: str) -> Look:
    found, now = await emp.explain_worker(worker_id), await emp.now_ms()
    views = {worker_id: worker_explanation_view(found)}
    return Look(now=now, views=views, write=lambda: write_worker_explanation(found))
