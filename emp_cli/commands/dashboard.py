"""`emp dashboard`: the dashboard, on the terminal or in a browser."""

import secrets
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from socket import gethostname
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emp_cli.context import Session, opened, session_of
from emp_cli.exits import ExitCode
from emp_cli.input.options import flag
from emp_cli.output import terminal
from emp_cli.run import run_alone
from emp_core.errors import InvalidInput
from emp_core.variables import CONTEXT, environment_with, environment_without, variable

if TYPE_CHECKING:
    from emp_core.client.locate import Location
    from emp_core.client.redis_queue import RedisQueue

WEB_PORT = 3003
"""Not the hub's 3001, nor 3002, which its second port often has."""

BROWSER = "emp_cli.tui.browser:BrowserDriver"
"""TEXTUAL_DRIVER of a dashboard that a browser shows."""

WebOption = Annotated[bool, flag("--web", help="Serve it to browsers on this machine, read-only, until Ctrl-C.")]
HostOption = Annotated[
    str | None, typer.Option("--host", metavar="ADDRESS", help="With --web: 127.0.0.1 (the default) or ::1.")
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port", metavar="N", min=0, max=65_535, help=f"With --web: the port; 0 takes any. Default: {WEB_PORT}."
    ),
]
WriteOption = Annotated[bool, flag("--write", help="With --web: let browsers change jobs and workers too.")]


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
    web: WebOption = False,
    host: HostOption = None,
    port: PortOption = None,
    write: WriteOption = False,
) -> None:
    """Watch and steer the queue on the whole terminal, or in a browser.

    Keys: 1 to 8 are the screens, : goes anywhere, / filters, ? shows all keys, q quits.

    Examples:
    emp dashboard
    emp dashboard --filter 'status:failed ended<1h'
    emp dashboard --demo
    emp dashboard --web
    """
    start = screen if where is None else f"jobs {where}"
    if web:
        session = session_of(ctx)
        if write and session.read_only:
            raise InvalidInput("write", "contradicts --read-only (or EMP_READ_ONLY): leave one of them out")
        work = _serve(session, host or "127.0.0.1", WEB_PORT if port is None else port, start, write=write, demo=demo)
    else:
        _check_terminal(host=host is not None, port=port is not None, write=write)
        work = _rehearse(ctx, start) if demo else _run(ctx, start)
    number = run_alone(ctx, work)
    if number:
        raise typer.Exit(number)


def _check_terminal(**only_with_web: bool) -> None:
    """Raises `InvalidInput` for options that only --web has, and without a terminal."""
    for name, given in only_with_web.items():
        if given:
            raise InvalidInput(name, f"works only with --web: emp dashboard --web --{name} …")
    if variable("TEXTUAL_DRIVER") != BROWSER and not (terminal.can_redraw() and sys.stdin.isatty()):
        raise InvalidInput("stdout", "is no terminal", hint="emp summary --watch and emp jobs --watch work anywhere")


async def _run(ctx: typer.Context, start: str) -> int:
    async with opened(session_of(ctx)) as (queue, location):
        return await _show(queue, location, start)


async def _rehearse(ctx: typer.Context, start: str) -> int:
    from emp_cli.local.rehearsal import rehearsal

    code = 0

    async def work() -> None:
        nonlocal code
        async with rehearsal(session_of(ctx).caller) as (queue, location):
            code = await _show(queue, location, start)

    return await _until_signal("stopping the simulated fleet", work()) or code


async def _until_signal(farewell: str, work: Coroutine[Any, Any, None]) -> int:
    """Do the work; the exit code if a signal ended it, else 0."""
    from emp_cli.local.signals import Signals

    with Signals(farewell) as signals:
        await signals.heed(work)
    return 128 + signals.number if signals.number else 0


async def _show(queue: "RedisQueue", location: "Location", start: str) -> int:
    """Run the dashboard to its end; the exit code."""
    from emp_cli.tui.app import Dashboard
    from emp_cli.tui.preferences import load_preferences, preferences_path
    from emp_core.client.async_emp import AsyncEmp

    app = Dashboard(queue, AsyncEmp(queue, location), load_preferences(preferences_path()), start=start)
    await app.run_async()
    return ExitCode.FAILED if app.return_code else ExitCode.OK


async def _serve(session: Session, host: str, port: int, start: str, *, write: bool, demo: bool) -> int:
    """Serve the dashboard to browsers until a signal comes; the exit code."""
    import asyncio

    from emp_cli.local.rehearsal import rehearsal
    from emp_cli.web.server import DashboardServer, Program, listen

    async def work() -> None:
        async with AsyncExitStack() as stack:
            listening = stack.enter_context(listen(host, port))
            arguments = ["dashboard", f"--screen={start}"]
            if demo:
                _, place = await stack.enter_async_context(rehearsal(session.caller))
                environ = _environment_of(place)
            else:
                async with opened(session):
                    pass  # what is wrong with it is said here, not in the browser
                environ = environment_with(session.redis)
                arguments += [f"--context={session.context}"] if session.context else []
            environ |= {"TEXTUAL_DRIVER": BROWSER, "TEXTUAL_COLOR_SYSTEM": "truecolor"}
            environ |= {"EMP_READ_ONLY": "0" if write else "1"}
            server = DashboardServer(Program(tuple(arguments), environ), listening, secrets.token_urlsafe(32))
            await stack.enter_async_context(server.serving())
            terminal.data(server.url)
            terminal.note(_told(server.port, write=write))
            await asyncio.Event().wait()

    return await _until_signal("ending the dashboards", work())


def _environment_of(place: "Location") -> dict[str, str]:
    """The environment of a dashboard that is to show this queue, whatever else is set here."""
    from emp_cli.surroundings import OF_A_CONTEXT

    told = {"REDIS_URL": place.url, "EMP_KEY_PREFIX": place.prefix, "ARTIFACTS_URL": place.artifacts or ""}
    return environment_without({*OF_A_CONTEXT, CONTEXT}) | told


def _told(port: int, *, write: bool) -> str:
    rights = "can change jobs and workers" if write else "can only look (--write lets them change jobs and workers)"
    return (
        f"open this URL in a browser on this machine; whoever has it {rights}\n"
        f"from another machine: ssh -L {port}:127.0.0.1:{port} {gethostname()}, then open the same URL there\n"
        "Ctrl-C ends this and every dashboard that is open"
    )
