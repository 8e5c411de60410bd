"""The tree of commands."""

from typing import Annotated

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]

from emp_cli.commands import completion, demo, events, explain, hub, jobs, submit, summary, worker, workers
from emp_cli.commands.job import app as job
from emp_cli.context import Session
from emp_cli.group import HelpfulGroup
from emp_cli.options import flag
from emp_cli.output import terminal
from emp_core import __version__

# Typer answers a shell's questions only where it may install itself, which `emp completion` does in its place.
completion_init()

JOBS, FLEET, CARE = "Jobs", "Queue and fleet", "Set-up"

app = typer.Typer(
    cls=HelpfulGroup,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="--redis and --debug may stand anywhere. Exit codes: 0 well, 1 failed, 2 usage, 3 no worker can do it, "
    "4 denied, 5 no Redis or hub, 6 not found, 7 conflict, 8 time is up, 9 cancelled, 130 Ctrl-C.",
)

app.command("submit", help=submit.HELP, rich_help_panel=JOBS)(submit.submit)
app.command("jobs", rich_help_panel=JOBS)(jobs.list_jobs)
app.add_typer(job.app, name="job", rich_help_panel=JOBS)
app.command("explain", rich_help_panel=JOBS)(explain.explain)
app.command("summary", rich_help_panel=FLEET)(summary.summary)
app.command("workers", rich_help_panel=FLEET)(workers.list_workers)
app.add_typer(worker.app, name="worker", rich_help_panel=FLEET)
app.command("events", rich_help_panel=FLEET)(events.events)
app.add_typer(hub.app, name="hub", rich_help_panel=CARE)
app.command("demo", rich_help_panel=CARE)(demo.demo)
app.command("completion", rich_help_panel=CARE)(completion.completion)


def _show_version(wanted: bool) -> None:
    if wanted:
        terminal.data(f"emp {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    redis: Annotated[
        str | None, typer.Option(metavar="URL", help="The queue: redis://, rediss://, unix:// … (REDIS_URL).")
    ] = None,
    debug: Annotated[bool, flag("--debug", help="Show where an error comes from.")] = False,
    version: Annotated[
        bool, flag("--version", "-V", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A job queue for AI work on GPU machines. `emp demo` shows it at work; `emp hub start` begins a queue."""
    ctx.obj = Session(redis=redis)
