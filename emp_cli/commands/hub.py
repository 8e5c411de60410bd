"""`emp hub start|stop|status`."""

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emp_cli import hub_process
from emp_cli.context import session_of
from emp_cli.exits import ExitCode
from emp_cli.group import HelpfulGroup
from emp_cli.hub_process import HubProcess
from emp_cli.options import OutputOption, flag
from emp_cli.output import formats, terminal
from emp_cli.output.details import write_facts
from emp_cli.output.formats import Format
from emp_cli.output.units import since
from emp_cli.run import leave, run_alone
from emp_core.clock import SystemClock
from emp_core.errors import Conflict, HubUnavailable, InvalidInput

if TYPE_CHECKING:
    from daemons.hub.settings import HubSettings
    from emp_core.client.async_emp import AsyncEmp

app = typer.Typer(cls=HelpfulGroup, help="The hub: REST, files, and the queue's chores.")

START_SECONDS = 20.0
STOP_SECONDS = 15.0
"""A hub that stops lets requests go on for 10 s."""

HostOption = Annotated[str | None, typer.Option(metavar="HOST", help="The address it listens on (HUB_HOST).")]
PortOption = Annotated[int | None, typer.Option(metavar="PORT", min=0, max=65_535, help="The port (HUB_PORT).")]


@app.command("start")
def start(
    ctx: typer.Context,
    host: HostOption = None,
    port: PortOption = None,
    detach: Annotated[bool, flag("--detach", "-d", help="In the background, once it answers.")] = False,
) -> None:
    """Run a hub here, until Ctrl-C.

    Where there is no Redis, an embedded Valkey is started for it. Everything else is set by the environment and
    `.env.hub`; see .env.hub.example.

    \b
    emp hub start
    emp hub start --detach --port 3001
    """
    from daemons.hub.server import run_hub
    from daemons.lifecycle import run_daemon
    from daemons.logs import configure_logs

    settings = _settings(session_of(ctx).redis, host, port)
    url = settings.url or asyncio.run(_find_or_start(settings.data_dir))
    if detach:
        _detach(settings, _arguments(session_of(ctx).redis, host, port))
        return
    configure_logs(settings.log_level, settings.log_format)
    hub = HubProcess(pid=os.getpid(), url=_url(settings), started_at=SystemClock().now_ms())
    with hub_process.announced(settings.data_dir, hub):
        run_daemon(run_hub(settings, url))


def _settings(redis: str | None, host: str | None, port: int | None) -> "HubSettings":
    from daemons.hub.settings import HubSettings
    from emp_core.environment import load_settings

    given = {"REDIS_URL": redis, "HUB_HOST": host, "HUB_PORT": port}
    return load_settings(
        HubSettings, overrides={name: str(value) for name, value in given.items() if value is not None}
    )


async def _find_or_start(data_dir: Path) -> str:
    """The queue of this machine; an embedded one where there is none."""
    from emp_core import embedded
    from emp_core.client.locate import find

    found = await find()
    if found is not None:
        terminal.note(f"the queue is {found.source}")
        return found.url
    server = await asyncio.to_thread(embedded.start, data_dir)
    terminal.note(f"no Redis was found, so an embedded one was started: {server.engine} {server.version}")
    terminal.note(f"it keeps the queue in {server.directory}, and runs on until `emp hub stop --queue`")
    return server.url


def _url(settings: "HubSettings") -> str:
    from emp_core.settings import host_in_url

    return f"http://{host_in_url(settings.hub_host)}:{settings.hub_port}"


def _arguments(redis: str | None, host: str | None, port: int | None) -> list[str]:
    given = {"--redis": redis, "--host": host, "--port": port}
    return [word for name, value in given.items() if value is not None for word in (name, str(value))]


def _detach(settings: "HubSettings", arguments: list[str]) -> None:
    """Start another process as a hub, and stay until it answers or has failed."""
    if _answers(_url(settings)):
        raise Conflict(f"a hub answers at {_url(settings)} already", hint="emp hub status")
    log = hub_process.log_path(settings.data_dir)
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    begins_at = log.stat().st_size if log.exists() else 0
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "emp_cli", "hub", "start", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    give_up_at = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < give_up_at:
        if any(hub.pid == process.pid for hub in hub_process.running(settings.data_dir)) and _answers(_url(settings)):
            terminal.note(f"the hub answers at {_url(settings)}; its log is {log}")
            return
        time.sleep(hub_process.POLL_SECONDS)
    if process.poll() is None:
        raise HubUnavailable(f"the hub does not answer at {_url(settings)}", hint=f"see {log}")
    with log.open("rb") as stream:
        stream.seek(begins_at)
        terminal.note(stream.read().decode("utf-8", "replace").strip())
    raise typer.Exit(process.returncode)


def _answers(url: str) -> bool:
    import httpx

    try:
        return httpx.get(f"{url}/health", timeout=2).is_success
    except httpx.HTTPError:
        return False


@app.command("stop")
def stop(
    ctx: typer.Context,
    queue: Annotated[bool, flag("--queue", help="The embedded Valkey too; the jobs stay on disk.")] = False,
) -> None:
    """Stop the hubs of this machine.

    Running jobs go on: workers do not need a hub.

    \b
    emp hub stop
    emp hub stop --queue
    """
    from emp_core import embedded

    data_dir = _settings(session_of(ctx).redis, None, None).data_dir
    hubs = hub_process.running(data_dir)
    if not hubs:
        terminal.note("no hub runs here")
    for hub in hubs:
        if not hub_process.stop(data_dir, hub, STOP_SECONDS):
            raise HubUnavailable(f"the hub of process {hub.pid} did not end in {STOP_SECONDS:g} s")
        terminal.note(f"stopped the hub at {hub.url}")
    server = embedded.find(data_dir)
    if server is not None and queue:
        embedded.stop(server)
        terminal.note(f"stopped the embedded {server.engine}; the queue stays in {server.directory}")
    elif server is not None:
        terminal.note(f"the embedded {server.engine} goes on, and the workers with it: emp hub stop --queue ends it")


@app.command("status")
def status(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """Say which hubs run here, and where the queue is.

    Exit code 5: there is no queue, or no hub here.

    \b
    emp hub status -o json
    """
    if output in (Format.IDS, Format.CSV):
        raise InvalidInput("format", "of the status must be table, json or jsonl")
    leave(run_alone(ctx, _status(session_of(ctx).redis, output)))


async def _status(redis: str | None, output: Format) -> ExitCode:
    from emp_core.client.async_emp import AsyncEmp

    hubs = hub_process.running(_settings(redis, None, None).data_dir)
    async with await AsyncEmp.connect(redis) as emp:
        views = [{**asdict(hub), "answers": await asyncio.to_thread(_answers, hub.url)} for hub in hubs]
        _write_status(emp, views, output)
    return ExitCode.OK if any(view["answers"] for view in views) else ExitCode.UNAVAILABLE


def _write_status(emp: "AsyncEmp", hubs: list[dict[str, Any]], output: Format) -> None:
    if output is not Format.TABLE:
        view = {"hubs": hubs, "queue": asdict(emp.queue)}
        formats.write_json(view) if output is Format.JSON else formats.write_views([view], output)
        return
    now = SystemClock().now_ms()
    for hub in hubs:
        state = f"up {since(hub['started_at'], now)}" if hub["answers"] else "does not answer"
        write_facts([("hub", f"{hub['url']}, process {hub['pid']}, {state}")])
    if not hubs:
        write_facts([("hub", "none runs here (emp hub start)")])
    queue = emp.queue
    write_facts(
        [("queue", f"{queue.engine}, {queue.source}"), ("durability", queue.durability), ("files", queue.files)]
    )
    if queue.durability == "memory":
        terminal.warn("this Redis keeps jobs in memory only; a restart loses them")
        terminal.hint_line("redis-cli CONFIG SET appendonly yes")
