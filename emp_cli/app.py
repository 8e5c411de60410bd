"""The tree of commands."""

from typing import Annotated, Any

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]

from emp_cli.context import Session
from emp_cli.exits import MEANINGS
from emp_cli.group import Commands, Deferred, HelpfulGroup
from emp_cli.input.completing import context_names
from emp_cli.input.options import flag
from emp_cli.output import terminal
from emp_cli.output.terminal import Color
from emp_core import __version__
from emp_core.errors import InvalidInput

# Typer answers a shell's questions only where it may install itself, which `emp completion` does in its place.
completion_init()

JOBS, FLEET, CARE = "Jobs", "Queue and fleet", "Set-up"


def _deferred(panel: str, name: str, home: str, help: str) -> Deferred:
    return Deferred(name, f"emp_cli.commands.{home}", help=help, panel=panel)


# In the order in which people need them.
COMMANDS = (
    _deferred(JOBS, "submit", "submit:app", "Submit a job, and print its id."),
    _deferred(JOBS, "jobs", "jobs:list_jobs", "List jobs."),
    _deferred(JOBS, "job", "job.app:app", "Show, wait for and change jobs. `emp job ID` shows one."),
    _deferred(
        JOBS, "explain", "explain:explain", "Explain why a job waits, worker by worker; or which jobs a worker skips."
    ),
    _deferred(FLEET, "summary", "summary:summary", "Show the queue at a glance."),
    _deferred(FLEET, "workers", "workers:list_workers", "List live workers."),
    _deferred(
        FLEET,
        "worker",
        "worker.app:app",
        "Start and stop workers here; show, pause, resume and drain any worker. `emp worker ID` shows one.",
    ),
    _deferred(FLEET, "events", "events:events", "List the latest events of jobs and workers."),
    _deferred(
        FLEET,
        "audit",
        "audit:audit",
        "List the latest orders to jobs, workers and limits: who gave them, and what came of them.",
    ),
    _deferred(
        FLEET, "dashboard", "dashboard:dashboard", "Watch and steer the queue on the whole terminal, or in a browser."
    ),
    _deferred(CARE, "hub", "hub:app", "The hub: REST, files, and the queue's chores."),
    _deferred(CARE, "context", "context:app", "Names for queues: add, choose, list, show and remove contexts."),
    _deferred(CARE, "config", "config:app", "Show settings and where they come from, check and describe them."),
    _deferred(
        CARE,
        "doctor",
        "doctor:doctor",
        "Check Redis, the queue, the hubs and the workers, and say what mends each fault.",
    ),
    _deferred(CARE, "redis", "redis:app", "What emp keeps on the Redis server beside its queues."),
    _deferred(CARE, "demo", "demo:demo", "Run mixed jobs through a queue, a hub and a simulated fleet."),
    _deferred(CARE, "export", "transfer:export", "Write the waiting jobs to a file, for another queue."),
    _deferred(CARE, "import", "transfer:import_jobs", "Store the waiting jobs of an export, or of another queue."),
    _deferred(CARE, "completion", "completion:completion", "Print the completion script of a shell."),
    _deferred(
        CARE,
        "help",
        "help:help_page",
        "Show the help of a command, or a page on filters, formats, environment or exit-codes.",
    ),
)

EXIT_CODES = "\n".join(["Exit codes:", *(f"{code:>5}  {meaning}" for code, meaning in MEANINGS.items())])


class Root(HelpfulGroup):
    """The group of all commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": COMMANDS})


app = Commands(
    cls=Root,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="--redis, --context, --read-only, --color and --debug can come before or after the command."
    f"\n\n{EXIT_CODES}",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        terminal.data(f"emp {__version__}")
        raise typer.Exit


def _show_spec(ctx: typer.Context, wanted: bool) -> None:
    if wanted:
        from emp_cli.commands.spec import spec as whole
        from emp_cli.output.clean import json_text

        terminal.data(json_text(whole(ctx.command), indent=2))
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    redis: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The queue: redis://, rediss://, unix:// … (REDIS_URL, also in .env.hub)."),
    ] = None,
    color: Annotated[
        Color,
        typer.Option(metavar="WHEN", help="auto, always or never; NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE count too."),
    ] = Color.AUTO,
    context: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", autocompletion=context_names, help="The queue of a context (EMP_CONTEXT; `emp context`)."
        ),
    ] = None,
    read_only: Annotated[
        bool,
        flag(
            "--read-only",
            envvar="EMP_READ_ONLY",
            show_envvar=False,
            help="Refuse every command that changes jobs, workers, hubs or the queue (EMP_READ_ONLY=1).",
        ),
    ] = False,
    debug: Annotated[bool, flag("--debug", help="Print the traceback of an error.")] = False,
    version: Annotated[
        bool, flag("--version", "-V", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    spec: Annotated[
        bool,
        flag("--spec", callback=_show_spec, is_eager=True, help="Print commands, options and exit codes as JSON."),
    ] = False,
) -> None:
    """A job queue for AI work on GPU machines. `emp demo` shows it; `emp hub start` starts a queue."""
    terminal.use_color(color)
    session = ctx.ensure_object(Session)
    session.redis, session.context, session.read_only = redis, context, read_only
    if redis and context:
        raise InvalidInput("context", "works in place of --redis, not with it")
