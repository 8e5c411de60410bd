"""The tree of commands."""

from typing import Annotated, Any

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]

from emp_cli.commands import completion, demo, events, explain, hub, jobs, submit, summary, worker, workers
from emp_cli.commands.job import app as job
from emp_cli.context import Session
from emp_cli.exits import MEANINGS
from emp_cli.group import Commands, HelpfulGroup
from emp_cli.input.options import flag
from emp_cli.output import terminal
from emp_core import __version__

# Typer answers a shell's questions only where it may install itself, which `emp completion` does in its place.
completion_init()

JOBS, FLEET, CARE = "Jobs", "Queue and fleet", "Set-up"

ORDER = ("submit", "jobs", "job", "explain", "summary", "workers", "worker", "events", "hub", "demo", "completion")

EXIT_CODES = "\n".join(["Exit codes:", *(f"{code:>5}  {meaning}" for code, meaning in MEANINGS.items())])


class Root(HelpfulGroup):
    """Lists commands in the order in which one needs them; Typer has single ones before groups."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=ORDER.index)


app = Commands(
    cls=Root,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"--redis and --debug can come before or after the command.\n\n{EXIT_CODES}",
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
        str | None,
        typer.Option(metavar="URL", help="The queue: redis://, rediss://, unix:// … (REDIS_URL, also in .env.hub)."),
    ] = None,
    debug: Annotated[bool, flag("--debug", help="Print the traceback of an error.")] = False,
    version: Annotated[
        bool, flag("--version", "-V", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A job queue for AI work on GPU machines. `emp demo` shows it; `emp hub start` starts a queue."""
    ctx.ensure_object(Session).redis = redis
