"""`emp audit`: who ordered what."""

from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.input.options import (
    LimitOption,
    SinceOption,
    UntilOption,
    WatchOption,
)
from emp_cli.input.shaping import shows
from emp_cli.output import formats, terminal
from emp_cli.output.columns import ORDERS
from emp_cli.output.formats import NOTHING
from emp_cli.output.layout import Layout
from emp_cli.output.units import time_ago
from emp_cli.output.watching import Look, watching
from emp_cli.run import run
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp


NONE = "no order was given yet"


@shows(ORDERS)
def audit(
    ctx: typer.Context,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: LimitOption = 50,
    before: Annotated[
        str, typer.Option("--before", metavar="CURSOR", help="Show older entries: those before this one's `cursor`.")
    ] = "",
    watch: WatchOption = None,
    *,
    layout: Layout,
) -> None:
    """List the latest orders to jobs, workers and limits: who gave them, and what came of them.

    The queue keeps the last 10,000 or so.

    Examples:
    emp audit --since 1h --limit 200
    emp audit --watch
    """

    if watch and (before or until):
        raise InvalidInput("watch", "shows the latest orders: leave out --before and --until")

    async def work(emp: "AsyncEmp") -> None:
        if watch:
            await watching(ctx, watch, layout).run(lambda: _newest(emp, limit, since, layout))
            return
        now = await emp.now_ms()
        first = time_ago("since", since, now) if since else 0
        last = time_ago("until", until, now) if until else None
        found = await emp.audit(limit, before, since=first, until=last)
        formats.show(found, ORDERS, layout, now, nothing=NOTHING if since or until else NONE)
        if len(found) == limit:
            terminal.note(f"showing {limit}; --limit shows more, --before {found[0].cursor} shows older ones")

    run(ctx, work)


async def _newest(emp: "AsyncEmp", limit: int, since: str | None, layout: Layout) -> Look:
    """The newest first: a screen that is too small leaves out the last."""
    now = await emp.now_ms()
    found = (await emp.audit(limit, since=time_ago("since", since, now) if since else 0))[::-1]
    views = {order.cursor: ORDERS.view(order) for order in found}
    return Look(now=now, views=views, write=lambda: formats.write(found, ORDERS, layout, now))
