"""`emp worker …`: one on this machine is started, any is shown and steered."""

from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.context import Session, session_of
from emp_cli.group import Commands, ShowingGroup
from emp_cli.input.arguments import hide_password
from emp_cli.input.options import OutputOption, ReasonOption, WatchOption, WorkerId
from emp_cli.output import formats, terminal
from emp_cli.output.columns import WORKERS
from emp_cli.output.details import write_worker
from emp_cli.output.layout import Format, Layout
from emp_cli.output.watching import Look, watching
from emp_cli.run import run
from emp_core.domain.views import worker_view
from emp_core.domain.worker import WorkerState

if TYPE_CHECKING:
    from daemons.worker.configuration import Configuration
    from emp_core.client.async_emp import AsyncEmp

app = Commands(
    name="worker",
    cls=ShowingGroup,
    help="Start a worker here; show, pause, resume and drain any worker. `emp worker ID` shows one.",
    subcommand_metavar="ID | COMMAND [ARGS]...",
)


@app.command("start")
def start(
    ctx: typer.Context,
    services: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="The services to run jobs on, such as comfyui or simulation (SERVICES)."),
    ] = None,
    worker_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="The worker's id (WORKER_ID).")] = None,
    slots: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many jobs run at once (CONCURRENT_JOBS).")
    ] = None,
) -> None:
    """Run a worker here.

    Ctrl-C lets it finish its jobs; a second Ctrl-C gives them back at once. The environment and
    `.env.worker` hold the other settings; see .env.worker.example.

    Examples:
    COMFYUI_URL=http://127.0.0.1:8188 emp worker start --services comfyui
    emp worker start --services simulation --slots 4
    """
    session = session_of(ctx)
    session.check_change("start workers")
    hide_password(session.redis)
    from daemons.lifecycle import run_daemon
    from daemons.logs import configure_logs
    from daemons.worker.run import run_worker

    asked = {"SERVICES": services, "WORKER_ID": worker_id, "CONCURRENT_JOBS": str(slots or "") or None}
    told, url = _told(session, {name: text for name, text in asked.items() if text is not None})
    configure_logs(told.settings.log_level, told.settings.log_format)
    run_daemon(run_worker(told, url))


def _told(session: Session, given: dict[str, str]) -> tuple["Configuration", str]:
    """All that the worker is told, and the URL of its queue, which is looked for if nothing names it."""
    import asyncio
    from dataclasses import replace

    from daemons.worker.configuration import load_worker
    from emp_cli.surroundings import locate, variables

    told = load_worker(overrides=given | variables(session.redis, session.context))
    if told.settings.url is not None:
        return told, told.settings.url
    found = asyncio.run(locate())
    told = load_worker(overrides=given | variables(None, found.context))
    return replace(told, settings=told.settings.model_copy(update={"key_prefix": found.prefix})), found.url


@app.command("show")
def show(ctx: typer.Context, worker: WorkerId, watch: WatchOption = None, output: OutputOption = Format.TABLE) -> None:
    """Show a worker: its hardware, services and jobs.

    Examples:
    emp worker gpu1:0
    emp worker gpu1:0 --watch
    """
    layout = Layout(output)

    async def look(emp: "AsyncEmp") -> Look:
        found, now = await emp.worker(worker), await emp.now_ms()

        def write() -> None:
            if output.is_table:
                write_worker(found, now)
            elif output is Format.IDS:
                formats.write([found], WORKERS, layout)
            else:
                formats.write_view(worker_view(found), layout)

        return Look(now=now, views={found.id: worker_view(found)}, write=write)

    async def work(emp: "AsyncEmp") -> None:
        if watch:
            await watching(ctx, watch, layout).run(lambda: look(emp))
        else:
            (await look(emp)).write()

    run(ctx, work)


@app.command("pause")
def pause(ctx: typer.Context, worker: WorkerId, reason: ReasonOption = "") -> None:
    """Stop a worker taking new jobs.

    It finishes its running jobs. It stays paused, also after a restart, until `emp worker resume`.

    Examples:
    emp worker pause gpu1:0 -m "driver update"
    """
    _steer(ctx, worker, WorkerState.PAUSED, reason)


@app.command("resume")
def resume(ctx: typer.Context, worker: WorkerId) -> None:
    """Let a paused, draining or fenced worker take jobs again.

    Examples:
    emp worker resume gpu1:0
    """
    _steer(ctx, worker, WorkerState.READY, "")


@app.command("drain")
def drain(ctx: typer.Context, worker: WorkerId, reason: ReasonOption = "") -> None:
    """Let a worker finish its jobs and take no new ones.

    It takes jobs again after a restart or `emp worker resume`.

    Examples:
    emp worker drain gpu1:0 -m "hardware swap"
    """
    _steer(ctx, worker, WorkerState.DRAINING, reason)


def _steer(ctx: typer.Context, worker: str, state: WorkerState, reason: str) -> None:
    session_of(ctx).check_change("steer workers")

    async def work(emp: "AsyncEmp") -> None:
        before = await emp.steer(worker, state, reason=reason)
        found = await emp.worker(worker)
        running = f", {len(found.active)} running" if found.active else ""
        terminal.data(f"{worker}: {before} -> {found.state}{running}")

    run(ctx, work)
