"""`emp audit`: who ordered what."""

from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.input.options import LimitOption, OutputOption
from emp_cli.output import formats, terminal
from emp_cli.output.columns import ORDERS
from emp_cli.output.formats import Format
from emp_cli.run import run

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


NONE = "no order was given yet"


def audit(
    ctx: typer.Context,
    limit: LimitOption = 50,
    before: Annotated[
        str, typer.Option("--before", metavar="CURSOR", help="Show older entries: those before this one's `cursor`.")
    ] = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """List the latest orders to jobs, workers and limits: who gave them, and what came of them.

    The queue keeps the last 10,000 or so.

    Examples:
    emp audit --limit 200
    emp audit -o json
    """

    async def work(emp: "AsyncEmp") -> None:
        found = await emp.audit(limit, before)
        formats.write(found, ORDERS, output, await emp.now_ms(), nothing=NONE)
        if len(found) == limit:
            terminal.note(f"showing {limit}; --limit shows more, --before {found[0].cursor} shows older ones")

    run(ctx, work)
