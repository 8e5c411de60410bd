"""`emp dashboard`: the terminal dashboard."""

from typing import Annotated

import typer

from emp_cli.context import opened, session_of
from emp_cli.exits import ExitCode
from emp_cli.run import run_alone


def dashboard(
    ctx: typer.Context,
    screen: Annotated[
        str, typer.Option("--screen", metavar="NAME", help="The screen to begin with, such as workers or 'job 7f3a'.")
    ] = "overview",
    where: Annotated[
        str | None, typer.Option("--filter", metavar="FILTER", help="Begin with the jobs that match.")
    ] = None,
) -> None:
    """Watch and steer the queue on the whole terminal.

    Examples:
    emp dashboard
    emp dashboard --filter 'status:failed ended<1h'
    """
    run_alone(ctx, _run(ctx, screen if where is None else f"jobs {where}"))


async def _run(ctx: typer.Context, start: str) -> None:
    from emp_cli.tui.app import Dashboard
    from emp_cli.tui.preferences import load_preferences, preferences_path
    from emp_core.client.async_emp import AsyncEmp

    async with opened(session_of(ctx)) as (queue, location):
        emp = AsyncEmp(queue, location)
        app = Dashboard(queue, emp, load_preferences(preferences_path()), start=start)
        await app.run_async()
    if app.return_code:
        raise typer.Exit(ExitCode.FAILED)
