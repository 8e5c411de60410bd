"""`emp explain`: why a job waits, and what a worker skips."""

from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.input.completing import job_ids, worker_ids
from emp_cli.input.last import with_last
from emp_cli.input.options import ReportOption
from emp_cli.input.worker_names import worker_id_of
from emp_cli.output import formats, pager
from emp_cli.output.explanation import write_explanation, write_worker_explanation
from emp_cli.output.layout import Format, Layout
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
    output: ReportOption = Format.TABLE,
) -> None:
    """Explain why a job waits, worker by worker; or which jobs a worker skips.

    Examples:
    emp explain 7f3a
    emp explain --worker gpu1:0
    """
    if (job is None) == (worker is None):
        raise InvalidInput("ID", "give a job id, or --worker and a worker id")
    if output in (Format.IDS, Format.CSV):
        raise InvalidInput("format", "an explanation can be table, json, jsonl or yaml")
    run(ctx, lambda emp: _explain_worker(emp, worker, output) if worker else _explain_job(emp, job or "", output))


async def _explain_job(emp: "AsyncEmp", prefix: str, output: Format) -> None:
    explanation = await emp.explain(await emp.resolve(prefix))
    if output.is_table:
        pager.show(lambda: write_explanation(explanation))
    else:
        formats.write_view(explanation_view(explanation), Layout(output))


async def _explain_worker(emp: "AsyncEmp", worker: str, output: Format) -> None:
    explanation = await emp.explain_worker(await worker_id_of(emp, worker))
    if output.is_table:
        pager.show(lambda: write_worker_explanation(explanation))
    else:
        formats.write_view(worker_explanation_view(explanation), Layout(output))
