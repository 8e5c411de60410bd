"""`emp help`: a command's help, and pages on what several commands share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated

import typer

from emp_cli.exits import MEANINGS
from emp_cli.output import pager, terminal
from emp_cli.output.clean import clean
from emp_cli.output.layout import Format
from emp_core.domain.values import did_you_mean
from emp_core.errors import NotFound


def help_page(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND | TOPIC", help="A command such as job cancel, or a topic."),
    ] = None,
) -> None:
    """Show the help of a command, or a page on filters, formats, environment or exit-codes.

    Examples:
    emp help job cancel
    emp help filters
    """
    if not words:
        terminal.data(_root_help(ctx))
        return
    topic = TOPICS.get(words[0]) if len(words) == 1 else None
    if topic:
        pager.show(lambda: terminal.data(clean(topic().rstrip("\n"))))
    else:
        terminal.data(_command_help(ctx, words))


def _root_help(ctx: typer.Context) -> str:
    root = ctx.find_root()
    return "\n".join([root.get_help().rstrip(), "", f"Topics: emp help {' | '.join(TOPICS)}"])


def _command_help(ctx: typer.Context, words: Sequence[str]) -> str:
    """Raises `NotFound`."""
    from emp_cli.group import loaded

    context = ctx.find_root()
    for at, word in enumerate(words):
        known = getattr(context.command, "commands", {})
        if word not in known:
            names = [*known, *(TOPICS if not at else ())]
            raise NotFound("command or topic", f"{word}{did_you_mean(word, names)}", hint="emp help")
        command = loaded(known[word])
        context = type(ctx)(command, parent=context, info_name=word)
    return str(context.get_help().rstrip())


def _filters() -> str:
    from emp_core.domain.filter.page import filters_page

    return filters_page()


def _formats() -> str:
    return f"""\
Formats of what is printed: -o FORMAT on every command that shows something.

{_aligned(FORMATS.items())}

Lists are arrays in JSON and YAML, also of one; each object has `schema_version`. The fields are in docs/json.md.
In JSON, times are RFC 3339 in UTC, and an unknown value is null. Tables show times in this machine's zone and name it.

  --json FIELDS     JSON (or -o jsonl, yaml, csv) with these fields only: --json id,state,labels.batch
  --columns NAMES   a table of these columns or fields: --columns job,age,requirements.gpu_memory_gb
  --sort NAME       by a column or field; -NAME for the reverse. It sorts the rows that are shown
  -q                the ids only, a line each
  --no-headers      no line with the names of columns
  --watch SECONDS   what there is, again and again; with -o jsonl each change

Data goes to stdout, everything said about it to stderr. Long tables go through PAGER (less) on a terminal.
NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE and --color decide on colour."""


FORMATS: Mapping[Format, str] = {
    Format.TABLE: "for people",
    Format.WIDE: "a table with more columns",
    Format.JSON: "an array of objects, or one object",
    Format.JSONL: "an object a line",
    Format.YAML: "as json",
    Format.CSV: "a line a row; texts that a spreadsheet would take for a formula begin with '",
    Format.IDS: "an id a line, for pipes",
}


def _environment() -> str:
    """The settings of the command; those of daemons are in their examples."""
    from emp_core.client.client_model import CommandSettings
    from emp_core.env_file import variables_page

    return f"""\
Settings of the command. The command line wins over the environment, the environment over `.env.hub` and
`.env.worker` in this directory, and these over the current context (emp context). `emp config show --origin` shows what
counts. Those of the hub and of workers are in .env.hub.example and .env.worker.example.

{variables_page(CommandSettings)}"""


def _exit_codes() -> str:
    return f"""\
Exit codes, which scripts can rely on.

{_aligned((str(int(code)), meaning) for code, meaning in MEANINGS.items())}"""


def _aligned(rows: Iterable[tuple[str, str]]) -> str:
    pairs = list(rows)
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"  {name:<{width}}   {text}" for name, text in pairs)


TOPICS: Mapping[str, Callable[[], str]] = {
    "filters": _filters,
    "formats": _formats,
    "environment": _environment,
    "exit-codes": _exit_codes,
}
