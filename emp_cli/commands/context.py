"""`emp context add|use|list|show|remove`: names for queues."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emp_cli.context import session_of
from emp_cli.group import Commands, HelpfulGroup
from emp_cli.input.arguments import read_stdin
from emp_cli.input.completing import context_names
from emp_cli.input.options import OutputOption, flag
from emp_cli.input.shaping import shows
from emp_cli.output import formats, terminal
from emp_cli.output.facts import write_facts
from emp_cli.output.layout import Column, Format, Layout, Sheet
from emp_core.domain import json_fields
from emp_core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from emp_core.client.contexts import Context, Contexts

app = Commands(name="context", cls=HelpfulGroup, help="Names for queues: add, choose, list, show and remove contexts.")

ContextName = Annotated[str, typer.Argument(metavar="NAME", autocompletion=context_names, help="A context's name.")]
SomeContext = Annotated[
    str | None,
    typer.Argument(metavar="NAME", autocompletion=context_names, help="A context's name; the current one if left out."),
]

Row = dict[str, Any]

SHEET: Sheet[Row] = Sheet(
    (
        Column("CURRENT", lambda row, now: "*" if row["current"] else ""),
        Column("NAME", lambda row, now: row["name"]),
        Column("REDIS", lambda row, now: row["redis"], shrinks=True),
        Column("HUB", lambda row, now: row["hub"], shrinks=True, optional=True),
        Column("PREFIX", lambda row, now: row["key_prefix"], optional=True),
        Column("FILES", lambda row, now: row["artifacts"], shrinks=True, optional=True),
    ),
    lambda row: row,
    lambda row: str(row["name"]),
    json_fields.CONTEXT,
)


@app.command("add")
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the queue.")],
    hub: Annotated[str, typer.Option(metavar="URL", help="Its hub, which keeps the files of jobs.")] = "",
    token_file: Annotated[
        str, typer.Option("--token-file", metavar="FILE", help="A file that holds the hub's token.")
    ] = "",
    key_prefix: Annotated[str, typer.Option("--key-prefix", metavar="TEXT", help="The prefix of its keys.")] = "",
    artifacts: Annotated[str, typer.Option(metavar="URL", help="Where the files of its jobs are, if in a store.")] = "",
    use: Annotated[bool, flag("--use", help="Make it the current context.")] = False,
) -> None:
    """Add a context: a name for the queue that --redis gives.

    With `--redis -` the URL is read from stdin, so that its password is in no list of processes. The contexts are in
    one file in your configuration directory that only you can read.

    Examples:
    emp context add prod --redis redis://prod-host:6379/0 --hub https://hub-host --token-file token.txt
    echo "$URL" | emp context add prod --redis - --use
    """
    from emp_core.client.contexts import Context, load_contexts

    redis = session_of(ctx).redis
    if not redis:
        raise InvalidInput("redis", "which queue? Give its Redis with --redis URL")
    url = read_stdin("the URL").strip() if redis == "-" else redis
    token = Path(token_file).read_text(encoding="utf-8").strip() if token_file else ""
    context = Context(redis=url, hub=_socket_url(hub), token=token, key_prefix=key_prefix, artifacts=artifacts)
    _check(context)
    contexts = load_contexts().add(name, context)
    (contexts.use(name) if use else contexts).save()
    terminal.note(f"added the context {name} to {contexts.path}")
    if not use:
        terminal.hint_line(f"emp context use {name}")


def _socket_url(hub: str) -> str:
    """As HUB_WS_URL has it."""
    if not hub:
        return ""
    from emp_cli.local.hub_report import http_url

    return http_url(hub).replace("http", "ws", 1)


def _check(context: "Context") -> None:
    """Raises `Misconfigured` where a program could not be told this by variables."""
    from emp_core.client.client_settings import read_client_settings

    read_client_settings({}, overrides=context.variables())


@app.command("use")
def use(
    name: SomeContext = None,
    none: Annotated[bool, flag("--none", help="Use no context.")] = False,
) -> None:
    """Make a context the current one.

    Commands use it unless --redis, --context, the environment or a file in the current directory names another queue.

    Examples:
    emp context use prod
    emp context use --none
    """
    from emp_core.client.contexts import load_contexts

    if none is (name is not None):
        raise InvalidInput("name", "give a context's name, or --none")
    load_contexts().use(name or "").save()
    terminal.note(f"the current context is {name}" if name else "there is no current context")


@app.command("list")
@shows(SHEET)
def list_contexts(*, layout: Layout) -> None:
    """List the contexts; a star marks the current one. Passwords are not shown.

    Examples:
    emp context list
    """
    from emp_core.client.contexts import load_contexts

    contexts = load_contexts()
    rows = [_row(contexts, name) for name in sorted(contexts.all)]
    formats.show(rows, SHEET, layout, nothing="there are no contexts: emp context add NAME --redis URL")


@app.command("show")
def show(name: SomeContext = None, output: OutputOption = Format.TABLE) -> None:
    """Show a context, or the current one. Its passwords and its token are not shown.

    Examples:
    emp context show prod
    """
    from emp_core.client.contexts import load_contexts

    contexts = load_contexts()
    if not name and not contexts.current:
        raise NotFound("current context", "", hint="emp context list")
    row = _row(contexts, name or contexts.current)
    if output.is_table:
        write_facts((label.replace("_", " "), _fact(value)) for label, value in row.items())
    elif output is Format.IDS:
        formats.write([row], SHEET, Layout(output))
    else:
        formats.write_view(row, Layout(output))


@app.command("remove")
def remove(name: ContextName) -> None:
    """Forget a context. The queue stays as it is.

    Examples:
    emp context remove prod
    """
    from emp_core.client.contexts import load_contexts

    load_contexts().remove(name).save()
    terminal.note(f"removed the context {name}")


def _row(contexts: "Contexts", name: str) -> Row:
    from emp_core.urls import masked

    found = contexts.find(name)
    return {
        "name": name,
        "current": name == contexts.current,
        "redis": masked(found.redis),
        "hub": masked(found.hub),
        "token": "***" if found.token else "",
        "key_prefix": found.key_prefix,
        "artifacts": masked(found.artifacts),
    }


def _fact(value: Any) -> str:
    return ("yes" if value else "") if isinstance(value, bool) else str(value)
