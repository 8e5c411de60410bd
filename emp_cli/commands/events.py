"""`emp events`: what happens, as it happens."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import typer

from emp_cli.input.options import FollowOption, LimitOption, OutputOption
from emp_cli.output import formats, terminal
from emp_cli.output.columns import EVENTS
from emp_cli.output.formats import Format
from emp_cli.output.story import event_line
from emp_cli.run import run
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


def events(
    ctx: typer.Context,
    follow: FollowOption = False,
    limit: LimitOption = 50,
    output: OutputOption = Format.TABLE,
) -> None:
    """List the latest events of jobs and workers.

    Examples:
    emp events --limit 200
    emp events -f -o jsonl
    """
    run(ctx, lambda emp: _events(emp, follow, limit, output))


async def _events(emp: "AsyncEmp", follow: bool, limit: int, output: Format) -> None:
    if not follow:
        found = await emp.recent_events(limit)
        formats.write(found, EVENTS, output, await emp.now_ms())
        if len(found) == limit:
            terminal.note(f"showing the latest {limit}; --limit shows more")
        return
    if output not in (Format.TABLE, Format.JSONL):
        raise InvalidInput("format", "--follow supports only table and jsonl")
    if terminal.stderr().is_terminal:
        terminal.note("showing new events; press Ctrl-C to stop")
    async with aclosing(emp.watch()) as coming:
        async for event in coming:
            if output is Format.JSONL:
                formats.write([event], EVENTS, output)
            else:
                terminal.data(event_line(event))
