"""`emp dashboard`: the terminal dashboard."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.context import opened, session_of
from emp_cli.exits import ExitCode
from emp_cli.input.options import flag
from emp_cli.output import terminal
from emp_cli.run import run_alone
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.locate import Location
    from emp_core.client.redis_queue import RedisQueue


def dashboard(
    ctx: typer.Context,
    screen: Annotated[
        str, typer.Option("--screen", metavar="NAME", help="The screen to begin with, such as workers or 'job 7f3a'.")
    ] = "overview",
    where: Annotated[
        str | None, typer.Option("--filter", metavar="FILTER", help="Begin with the jobs that match.")
    ] = None,
    demo: Annotated[
        bool, flag("--demo", help="Show a simulated fleet at work; no queue and no hub is needed.")
    ] = False,
) -> None:
    """Watch and steer the queue on the whole terminal.

    Keys: 1 to 8 are the screens, : goes anywhere, / filters, ? shows all keys, q quits.

    Examples:
    emp dashboard
    emp dashboard --filter 'status:failed ended<1h'
    emp dashboard --demo
    """
    if not terminal.can_redraw() or not sys.stdin.isatty():
        raise InvalidInput("stdout", "is no terminal", hint="emp summary --watch and emp jobs --watch work anywhere")
    start = screen if where is None else f"jobs {where}"
    number = run_alone(ctx, _rehearse(ctx, start) if demo else _run(ctx, start))
    if number:
        raise typer.Exit(number)


async def _run(ctx: typer.Context, start: str) -> int:
    async with opened(session_of(ctx)) as (queue, location):
        return await _show(queue, location, start)


async def _rehearse(ctx: typer.Context, start: str) -> int:
    from emp_cli.local.rehearsal import rehearsal
    from emp_cli.local.signals import Signals

    code = 0

    async def work() -> None:
        nonlocal code
        async with rehearsal(session_of(ctx).caller) as (queue, location):
            code = await _show(queue, location, start)

    with Signals("stopping the simulated fleet") as signals:
        await signals.heed(work())
    return 128 + signals.number if signals.number else code


async def _show(queue: "RedisQueue", location: "Location", start: str) -> int:
    """Run the dashboard to its end; the exit code."""
    from emp_cli.tui.app import Dashboard
    from emp_cli.tui.preferences import load_preferences, preferences_path
    from emp_core.client.async_emp import AsyncEmp

    app = Dashboard(queue, AsyncEmp(queue, location), load_preferences(preferences_path()), start=start)
    await app.run_async()
    return ExitCode.FAILED if app.return_code else ExitCode.OK
