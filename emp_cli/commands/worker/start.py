"""`emp worker start`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emp_cli.context import Session, session_of
from emp_cli.input.arguments import hide_password
from emp_cli.input.options import DetachOption, LogFileOption
from emp_cli.local.log_file import LogFile
from emp_cli.output import terminal
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from daemons.worker.configuration import Configuration
    from emp_cli.local.side_by_side import Program

START_SECONDS = 60.0
"""A worker that takes over the id of a killed one waits for the end of its lease."""

ServicesOption = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="The services to run jobs on, such as comfyui or simulation (SERVICES)."),
]
SlotsOption = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="How many jobs run at once (CONCURRENT_JOBS).")
]
CountOption = Annotated[int, typer.Option(metavar="N", min=1, max=1_000, help="Start N workers: ID:0, ID:1 and so on.")]
GpusOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, max=1_000, help="Start a worker for each of N GPUs: ID:0 has GPU 0, and so on."),
]


def start(
    ctx: typer.Context,
    services: ServicesOption = None,
    worker_id: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="ID", help="The worker's id (WORKER_ID); default: the machine's name and a number."
        ),
    ] = None,
    slots: SlotsOption = None,
    count: CountOption = 1,
    gpus: GpusOption = None,
    detach: DetachOption = False,
    log_file: LogFileOption = None,
) -> None:
    """Run a worker here.

    Ctrl-C lets it finish its jobs; a second Ctrl-C gives them back at once. The environment and
    `.env.worker` hold the other settings; see .env.worker.example.

    Examples:
    COMFYUI_URL=http://127.0.0.1:8188 emp worker start --services comfyui
    emp worker start --services simulation --slots 4 --id render --count 2    # render:0 and render:1
    emp worker start --services simulation --detach
    """
    if gpus and count > 1:
        raise InvalidInput("gpus", "starts a worker for each GPU: leave out --count")
    session = session_of(ctx)
    session.check_change("start workers")
    hide_password(session.redis)
    asked = {"SERVICES": services, "WORKER_ID": worker_id, "CONCURRENT_JOBS": str(slots or "") or None}
    given = {name: text for name, text in asked.items() if text is not None}
    told, arguments = _load(session, given), _arguments(session, services, slots)
    if detach:
        _detach(told, _programs(told, arguments, count, gpus), session.redis)
    elif gpus or count > 1:
        _run_several(_programs(told, arguments, count, gpus), session.redis)
    else:
        own_id = ("--id", worker_id) if worker_id else ()
        _run(_located(told, given), (*arguments, *own_id), LogFile(Path(log_file)) if log_file else None)


def _load(session: Session, given: dict[str, str]) -> "Configuration":
    from daemons.worker.configuration import load_worker
    from emp_cli.surroundings import variables

    return load_worker(overrides=given | variables(session.redis, session.context))


def _located(told: "Configuration", given: dict[str, str]) -> tuple["Configuration", str]:
    """The same with the URL of its queue, which is looked for if nothing names it."""
    import asyncio
    from dataclasses import replace

    from daemons.worker.configuration import load_worker
    from emp_cli.surroundings import locate, variables

    if told.settings.url is not None:
        return told, told.settings.url
    found = asyncio.run(locate())
    told = load_worker(overrides=given | variables(None, found.context))
    return replace(told, settings=told.settings.model_copy(update={"key_prefix": found.prefix})), found.url


def _arguments(session: Session, services: str | None, slots: int | None) -> list[str]:
    given = {"--context": session.context, "--services": services, "--slots": slots}
    words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    return ["worker", "start", *words]


def _programs(told: "Configuration", arguments: Sequence[str], count: int, gpus: int | None) -> "Sequence[Program]":
    from daemons.worker.agent.identity import machine_name
    from emp_cli.local.side_by_side import counted, on_gpus

    settings = told.settings
    if gpus is None:
        return counted(arguments, settings.worker_id, count)
    return on_gpus(arguments, settings.worker_id, settings.machine_id or machine_name(), gpus)


def _run(located: tuple["Configuration", str], arguments: tuple[str, ...], log: LogFile | None) -> None:
    from daemons.lifecycle import run_daemon
    from daemons.logs import configure_logs
    from daemons.worker.run import run_worker
    from emp_cli.local.roster import WORKER, Roster, this_process

    told, url = located
    settings = told.settings

    def announced(worker_id: str) -> "AbstractContextManager[None]":
        roster = Roster(settings.data_dir, WORKER)
        return roster.announced(this_process(WORKER, worker_id, arguments=arguments), log)

    configure_logs(settings.log_level, settings.log_format, log.keep_small if log else None)
    run_daemon(run_worker(told, url, announced))


def _detach(told: "Configuration", programs: "Sequence[Program]", redis: str | None) -> None:
    """Start the workers in the background, and stay until each has registered or has failed."""
    from emp_cli.local.detached import Launch, ready
    from emp_cli.local.roster import WORKER, Roster
    from emp_core.variables import environment_with

    roster, environ = Roster(told.settings.data_dir, WORKER), environment_with(redis)
    launches = [Launch(roster, program.arguments, {**environ, **program.environ}) for program in programs]
    for entry in ready(launches, START_SECONDS):
        terminal.note(f"worker {entry.name} runs in the background (process {entry.pid}); its log is {entry.log}")


def _run_several(programs: "Sequence[Program]", redis: str | None) -> None:
    from daemons.lifecycle import run_daemon
    from emp_cli.local.side_by_side import run_side_by_side
    from emp_core.variables import environment_with

    code = run_daemon(run_side_by_side(programs, environment_with(redis)))
    if code:
        raise typer.Exit(code)
