"""`emp summary`: the queue at a glance."""

from typing import TYPE_CHECKING

import typer

from emp_cli.input.options import SummaryOption, WatchOption
from emp_cli.output import formats
from emp_cli.output.facts import write_facts
from emp_cli.output.glance import KINDS, TREND_MINUTES, facts, summary_view
from emp_cli.output.layout import Format, Layout
from emp_cli.output.watching import Look, watching
from emp_cli.run import run
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


def summary(ctx: typer.Context, watch: WatchOption = None, output: SummaryOption = Format.TABLE) -> None:
    """Show the queue at a glance.

    Examples:
    emp summary
    emp summary --watch 5
    emp summary --format json
    """
    if output is Format.IDS:
        raise InvalidInput("format", "a summary can be table, json, jsonl, yaml or csv")
    layout = Layout(output)

    async def work(emp: "AsyncEmp") -> None:
        if watch:
            await watching(ctx, watch, layout).run(lambda: _look(emp, layout))
        else:
            (await _look(emp, layout)).write()

    run(ctx, work)


async def _look(emp: "AsyncEmp", layout: Layout) -> Look:
    workers = await emp.workers()
    backlog, trend = await emp.backlog(KINDS, workers=workers), await emp.trend(TREND_MINUTES)
    found = (await emp.summary(workers=workers, oldest=False)).with_oldest(backlog)
    view = summary_view(found, trend, backlog, emp.queue)

    def write() -> None:
        if layout.format.is_table:
            write_facts(facts(found, trend, backlog, emp.queue))
        else:
            formats.write_view(view, layout)

    return Look(now=found.at, views={"summary": view}, write=write)
