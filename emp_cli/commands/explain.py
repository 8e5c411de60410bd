"""`emp explain`: why a job waits, and what a worker skips."""

from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.input.completing import job_ids, worker_ids
from emp_cli.input.options import ReportOption
from emp_cli.output import formats
from emp_cli.output.explanation import write_explanation, write_worker_explanation
from emp_cli.output.formats import Format
from emp_cli.run import run
from emp_core.domain.views import explanation_view, worker_explanation_view
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


def explain(
    ctx: typer.Context,
    job: Annotated[
        str | None,
        typer.Argument(metavar="ID", autocompletion=job_ids, help="A job id, or its first 4 or more characters."),
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
    if output not in (Format.TABLE, Format.JSON, Format.JSONL):
        raise InvalidInput("format", "an explanation can be table, json or jsonl")
    run(ctx, lambda emp: _explain_worker(emp, worker, output) if worker else _explain_job(emp, job or "", output))


async def _explain_job(emp: "AsyncEmp", prefix: str, output: Format) -> None:
    explanation = await emp.explain(await emp.resolve(prefix))
    if output is Format.TABLE:
        write_explanation(explanation)
    else:
        _write(explanation_view(explanation), output)


async def _explain_worker(emp: "AsyncEmp", worker: str, output: Format) -> None:
    explanation = await emp.explain_worker(worker)
    if output is Format.TABLE:
        write_worker_explanation(explanation)
    else:
        _write(worker_explanation_view(explanation), output)


def _write(view: formats.View, output: Format) -> None:
    if output is Format.JSON:
        formats.write_json(view)
    else:
        formats.write_views([view], output)
