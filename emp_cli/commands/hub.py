"""`emp hub start|stop|restart|logs|status`."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from emp_cli.context import Session, connected, session_of
from emp_cli.exits import ExitCode
from emp_cli.group import Commands, HelpfulGroup
from emp_cli.input.arguments import hide_password
from emp_cli.input.options import DetachOption, FollowOption, LogFileOption, ReportOption, TailOption, flag
from emp_cli.local.detached import Launch, again, ask_to_stop, endings, refuse_unfit
from emp_cli.local.log_file import LogFile
from emp_cli.local.reading import show_log
from emp_cli.local.roster import HUB, LocalProcess, Roster, this_process
from emp_cli.output import formats, terminal
from emp_cli.output.facts import write_facts
from emp_cli.output.glance import counts, durability_of
from emp_cli.output.layout import Format, Layout
from emp_cli.output.units import since
from emp_cli.run import leave, run_alone
from emp_core.clock import SystemClock
from emp_core.errors import AccessDenied, EmpError, HubUnavailable, InvalidInput, QueueUnavailable

if TYPE_CHECKING:
    from daemons.hub.settings import HubSettings
    from emp_cli.local.hub_report import HubReport
    from emp_core.client.async_emp import QueueInfo
    from emp_core.client.locate import Location
    from emp_core.embedded import Embedded

app = Commands(name="hub", cls=HelpfulGroup, help="The hub: REST, files, and the queue's chores.")

START_SECONDS = 20.0
STOP_SECONDS = 15.0
"""A hub that stops lets requests go on for 10 s."""

HostOption = Annotated[str | None, typer.Option(metavar="HOST", help="The address to listen on (HUB_HOST).")]
HubOption = Annotated[
    str | None,
    typer.Option("--hub", metavar="URL", help="A hub on another machine: http://hub-host:3001 (HUB_WS_URL)."),
]
PortOption = Annotated[
    int | None,
    typer.Option(metavar="PORT", min=0, max=65_535, help="The port to listen on; 0 takes any free port (HUB_PORT)."),
]


@app.command("start")
def start(
    ctx: typer.Context,
    host: HostOption = None,
    port: PortOption = None,
    detach: DetachOption = False,
    log_file: LogFileOption = None,
) -> None:
    """Run a hub on this machine, until Ctrl-C.

    If there is no Redis, it starts an embedded Valkey. The environment and `.env.hub` hold the other settings; see
    .env.hub.example.

    Examples:
    emp hub start
    emp hub start --detach --port 3001
    """
    session_of(ctx).check_change("start a hub")
    session = session_of(ctx)
    redis = session.redis
    hide_password(redis)
    settings, started = _settings(session, host, port), None
    url = settings.url
    if url is None:
        found, started = asyncio.run(_find_or_start(settings))
        settings = _settings(replace(session, context=found.context), host, port)
        url, settings = found.url, settings.model_copy(update={"key_prefix": found.prefix})
    try:
        if detach:
            _detach(settings, redis, _arguments(session, host, port))
        else:
            _run(settings, url, _arguments(session, host, port), LogFile(Path(log_file)) if log_file else None)
    except (EmpError, typer.Exit) as error:
        # A hub in the background that does not answer yet still uses the server.
        if started is not None and not isinstance(error, HubUnavailable):
            _stop_again(started)
        raise


def _run(settings: "HubSettings", url: str, arguments: Sequence[str], log: LogFile | None) -> None:
    from daemons.hub.server import run_hub
    from daemons.lifecycle import run_daemon
    from daemons.logs import configure_logs

    def announced(urls: Sequence[str]) -> AbstractContextManager[None]:
        name, words = str(urlsplit(urls[0]).port), tuple(arguments)
        return Roster(settings.data_dir, HUB).announced(this_process(HUB, name, url=urls[0], arguments=words), log)

    configure_logs(settings.log_level, settings.log_format, log.keep_small if log else None)
    run_daemon(run_hub(settings, url, announced))


def _stop_again(server: "Embedded") -> None:
    from emp_core import embedded

    embedded.stop(server)
    terminal.note(f"stopped the embedded {server.engine} again; the queue is kept in {server.directory}")


def _settings(session: Session, host: str | None = None, port: int | None = None) -> "HubSettings":
    from daemons.hub.settings import HubSettings
    from emp_cli.surroundings import variables
    from emp_core.environment import load_settings

    given = {**variables(session.redis, session.context), "HUB_HOST": host, "HUB_PORT": port}
    return load_settings(
        HubSettings, overrides={name: str(value) for name, value in given.items() if value is not None}
    )


async def _find_or_start(settings: "HubSettings") -> tuple["Location", "Embedded | None"]:
    """The queue of this machine; if there is none, an embedded server that this starts."""
    from emp_cli.surroundings import find
    from emp_core import embedded
    from emp_core.client.locate import Location

    found = await find()
    if found is not None:
        terminal.note(f"the queue is {found.source}")
        return found, None
    server = await asyncio.to_thread(embedded.start, settings.data_dir)
    terminal.note(f"no Redis found: started an embedded {server.engine} {server.version}")
    terminal.note(f"the queue is stored in {server.directory}; `emp hub stop --queue` stops this server")
    return Location(url=server.url, prefix=settings.key_prefix, source="the embedded server", artifacts=None), server


def _arguments(session: Session, host: str | None, port: int | None) -> list[str]:
    given = {"--context": session.context, "--host": host, "--port": port}
    words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    return ["hub", "start", *words]


def _detach(settings: "HubSettings", redis: str | None, arguments: list[str]) -> None:
    """Start another process as a hub, and stay until it answers or has failed."""
    from emp_core.variables import environment_with

    _wait_for(Launch(Roster(settings.data_dir, HUB), arguments, environment_with(redis)))


def _wait_for(launch: Launch) -> None:
    hub = launch.wait(START_SECONDS, lambda entry: _health_code(entry.url) == 200)
    terminal.note(f"the hub answers at {hub.url}; its log is {hub.log}")


def _health_code(url: str) -> int:
    """What a hub of this machine answers, by no proxy: 200, or 503 where it cannot reach its queue; else 0."""
    import httpx

    try:
        return httpx.get(f"{url}/health", timeout=2, trust_env=False).status_code
    except httpx.HTTPError:
        return 0


@app.command("stop")
def stop(
    ctx: typer.Context,
    queue: Annotated[bool, flag("--queue", help="Stop the embedded Valkey too; its jobs are kept on disk.")] = False,
    yes: Annotated[bool, flag("--yes", "-y", help="Do not ask before stopping the queue while jobs run.")] = False,
) -> None:
    """Stop the hubs of this machine.

    Running jobs continue: workers do not need a hub, but they need the queue. `--queue` says how many jobs run and
    wait, and asks if some run.

    Examples:
    emp hub stop
    emp hub stop --queue
    """
    from emp_core import embedded

    session_of(ctx).check_change("stop hubs")
    settings = _settings(session_of(ctx))
    data_dir = settings.data_dir
    if queue and not yes and (server := embedded.find(data_dir)) is not None:
        _confirm_stop(server, settings.key_prefix)
    roster = Roster(data_dir, HUB)
    hubs = roster.living()
    for hub in roster.entries():
        _end(roster, hub)
    if not hubs:
        terminal.note("no hub runs on this machine")
    server = embedded.find(data_dir)
    if server is not None and queue:
        embedded.stop(server)
        terminal.note(f"stopped the embedded {server.engine}; the queue is kept in {server.directory}")
    elif server is not None:
        terminal.note(f"the embedded {server.engine} still runs, and workers use it: emp hub stop --queue stops it")


def _end(roster: Roster, hub: LocalProcess) -> None:
    """Stop a hub, or forget one that has died."""
    if not hub.lives:
        roster.forget(hub)
        terminal.note(f"the hub at {hub.url} had died already; its log is {hub.log}")
        return
    ask_to_stop(hub)
    if not list(endings([hub], STOP_SECONDS)):
        raise HubUnavailable(f"the hub (process {hub.pid}) did not stop within {STOP_SECONDS:g} s")
    terminal.note(f"stopped the hub at {hub.url}")


@app.command("restart")
def restart(ctx: typer.Context) -> None:
    """Stop the detached hubs of this machine, and start them again as they were, one after the other.

    Each keeps its port, arguments, directory and environment. A hub that has died is started with the environment of
    this command.

    Examples:
    emp hub restart
    """
    session_of(ctx).check_change("restart hubs")
    roster = Roster(_settings(session_of(ctx)).data_dir, HUB)
    hubs = roster.entries()
    if not hubs:
        raise HubUnavailable("no hub runs on this machine", hint="emp hub start --detach")
    refuse_unfit(hubs)
    for hub in hubs:
        launch = again(hub, "--port", hub.name)
        _end(roster, hub)
        _wait_for(launch(roster))


def _confirm_stop(server: "Embedded", prefix: str) -> None:
    """Say how many jobs run and wait in the embedded server; ask if some run."""
    from emp_cli.orders.choice import is_confirmed

    try:
        running, waiting = asyncio.run(_count_jobs(server, prefix))
    except EmpError as error:
        error.hint = "`emp hub stop --queue --yes` stops it without counting its jobs"
        raise
    runs, wait = "job runs" if running == 1 else "jobs run", "waits" if waiting == 1 else "wait"
    found = f"{running:,} {runs}, {waiting:,} {wait}"
    if not running:
        terminal.note(f"in the queue {found}")
    elif not is_confirmed(f"stop the queue too? {found}", "add --yes, or stop the workers first"):
        terminal.note("nothing was stopped")
        raise typer.Exit(ExitCode.FAILED)


async def _count_jobs(server: "Embedded", prefix: str) -> tuple[int, int]:
    """How many run, and how many wait."""
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.client.locate import Location
    from emp_core.client.redis_queue import open_queue
    from emp_core.domain.states import RUNNING, WAITING

    place = Location(url=server.url, prefix=prefix, source="the embedded server", artifacts=None)
    async with AsyncEmp(await open_queue(place), place) as emp:
        jobs = (await emp.summary()).jobs
    return sum(jobs.get(state, 0) for state in RUNNING), sum(jobs.get(state, 0) for state in WAITING)


@app.command("logs")
def logs(
    ctx: typer.Context,
    port: Annotated[str | None, typer.Argument(metavar="PORT", help="The hub's port, if several run here.")] = None,
    follow: FollowOption = False,
    tail: TailOption = None,
) -> None:
    """Print the log of a hub that runs in the background here, or of the last one.

    Examples:
    emp hub logs --tail 20
    emp hub logs -f
    """
    show_log(ctx, Roster(_settings(session_of(ctx)).data_dir, HUB), port, follow, tail)


@app.command("status")
def status(ctx: typer.Context, hub: HubOption = None, output: ReportOption = Format.TABLE) -> None:
    """Show the hubs of this machine and where the queue is, or a hub on another machine.

    Exit code 5: no hub answers, or it cannot reach its queue.

    Examples:
    emp hub status
    emp hub status --hub http://hub-host:3001 -o json
    """
    if output in (Format.IDS, Format.CSV):
        raise InvalidInput("format", "the status can be table, json, jsonl or yaml")
    from emp_cli.surroundings import read

    session = session_of(ctx)
    told = read(session.redis, session.context, decisive=("hub_ws_url", "hub_auth_token")).settings
    url, named_by = (hub, "--hub") if hub else (told.hub_ws_url, "HUB_WS_URL")
    if url:
        leave(run_alone(ctx, _status_elsewhere(url, told.hub_auth_token, named_by, output)))
    else:
        leave(run_alone(ctx, _status(session, output)))


async def _status_elsewhere(url: str, token: str, named_by: str, output: Format) -> ExitCode:
    from emp_cli.local.hub_report import http_url, report

    found = await report(http_url(url), token, named_by=named_by)
    if output.is_table:
        write_facts(_facts_elsewhere(found))
    else:
        well = found.queue is not None
        view = {"url": found.url, "answers": True, "well": well, "health": found.health, "stats": found.stats}
        formats.write_view({"hubs": [view], "queue": asdict(found.queue) if found.queue else None}, Layout(output))
    if found.queue:
        return ExitCode.OK
    terminal.fail("the hub cannot reach its queue", "run `emp hub status` on its machine to see where it looks")
    return ExitCode.UNAVAILABLE


def _facts_elsewhere(found: "HubReport") -> Iterator[tuple[str, str]]:
    health = found.health
    state = "well" if found.queue else f"{health['status']}: {health.get('detail', '')}"
    yield "hub", f"{found.url}, {state}, version {health.get('version', 'unknown')}"
    yield from (("warning", str(warning)) for warning in health.get("warnings") or ())
    if found.queue:
        yield "queue", found.queue.engine
        yield "durability", durability_of(found.queue.durability)
    if found.summary:
        yield from counts(found.summary)


async def _status(session: Session, output: Format) -> ExitCode:
    hubs = Roster(_settings(session).data_dir, HUB).entries()
    codes = await asyncio.gather(*(asyncio.to_thread(_health_code, hub.url) for hub in hubs))
    views = [_view(hub, code) for hub, code in zip(hubs, codes, strict=True)]
    try:
        async with connected(session) as emp:
            queue = emp.queue
    except (QueueUnavailable, AccessDenied):
        _write_status(views, None, output)
        raise
    _write_status(views, queue, output)
    return ExitCode.OK if 200 in codes else ExitCode.UNAVAILABLE


def _view(hub: LocalProcess, code: int) -> dict[str, Any]:
    lives = hub.lives
    told = {name: getattr(hub, name) for name in ("pid", "url", "started_at", "log")}
    return {**told, "runs": lives, "answers": lives and code > 0, "well": lives and code == 200}


def _write_status(hubs: list[dict[str, Any]], queue: "QueueInfo | None", output: Format) -> None:
    if not output.is_table:
        formats.write_view({"hubs": hubs, "queue": asdict(queue) if queue else None}, Layout(output))
        return
    now = SystemClock().now_ms()
    for hub in hubs:
        up = f"up {since(hub['started_at'], now)}{'' if hub['well'] else ', cannot reach its queue'}"
        state = up if hub["answers"] else "does not answer" if hub["runs"] else f"has died; its log is {hub['log']}"
        write_facts([("hub", f"{hub['url']}, process {hub['pid']}, {state}")])
    if not hubs:
        write_facts([("hub", "none runs on this machine (emp hub start)")])
    if queue is None:
        return
    write_facts(
        [
            ("queue", f"{queue.engine}, {queue.source}"),
            ("durability", durability_of(queue.durability)),
            ("files", queue.files),
        ]
    )
    if queue.durability == "memory":
        terminal.warn("this Redis keeps jobs in memory only: a restart of Redis loses them")
        terminal.hint_line("redis-cli CONFIG SET appendonly yes")
