"""`emp summary`: the queue at a glance."""

from typing import TYPE_CHECKING

import typer

from emp_cli.input.options import SummaryOption
from emp_cli.output import formats
from emp_cli.output.details import write_facts
from emp_cli.output.formats import Format
from emp_cli.output.glance import facts, summary_view
from emp_cli.run import run
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


def summary(ctx: typer.Context, output: SummaryOption = Format.TABLE) -> None:
    """Show the queue at a glance.

    Examples:
    emp summary
    emp summary --format json
    """
    if output is Format.IDS:
        raise InvalidInput("format", "a summary can be table, json, jsonl or csv")
    run(ctx, lambda emp: _summary(emp, output))


async def _summary(emp: "AsyncEmp", output: Format) -> None:
    found = await emp.summary()
    match output:
        case Format.TABLE:
            write_facts(facts(found, emp.queue))
        case Format.JSON:
            formats.write_json(summary_view(found, emp.queue))
        case _:
            formats.write_views([summary_view(found, emp.queue)], output)
