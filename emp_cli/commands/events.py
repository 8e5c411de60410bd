"""`emp events`: what happens, as it happens."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import typer

from emp_cli.input.options import (
    FollowOption,
    LimitOption,
    SinceOption,
    UntilOption,
)
from emp_cli.input.shaping import shows
from emp_cli.output import formats, terminal
from emp_cli.output.columns import EVENTS
from emp_cli.output.layout import Format, Layout
from emp_cli.output.story import event_line
from emp_cli.output.units import time_ago
from emp_cli.run import run
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


@shows(EVENTS)
def events(
    ctx: typer.Context,
    follow: FollowOption = False,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = 50,
    *,
    layout: Layout,
) -> None:
    """List the latest events of jobs and workers.

    Examples:
    emp events --since 10m --limit 200
    emp events -f -o jsonl
    """
    if follow:
        run(ctx, lambda emp: _follow(emp, layout))
    else:
        run(ctx, lambda emp: _list(emp, since, until, limit, layout))


async def _list(emp: "AsyncEmp", since: str | None, until: str | None, limit: int, layout: Layout) -> None:
    now = await emp.now_ms()
    found = await emp.recent_events(
        limit,
        since=time_ago("since", since, now) if since else 0,
        until=time_ago("until", until, now) if until else None,
    )
    formats.show(found, EVENTS, layout, now)
    if len(found) == limit:
        terminal.note(f"showing the latest {limit}; --limit shows more")


async def _follow(emp: "AsyncEmp", layout: Layout) -> None:
    if layout.format not in (Format.TABLE, Format.JSONL):
        raise InvalidInput("format", "--follow supports only table and jsonl")
    if terminal.err_is_terminal():
        terminal.note("showing new events; press Ctrl-C to stop")
    async with aclosing(emp.watch()) as coming:
        async for event in coming:
            if layout.format is Format.JSONL:
                formats.write([event], EVENTS, layout)
            else:
                terminal.data(event_line(event))
