"""The help of a command as plain text of 80 columns, on a terminal and in a pipe alike."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

WIDTH = 80
NAMES = 26
"""Columns of the names of options; what is wider has a line of its own."""

EXAMPLES = "Examples:\n"
"""Begins the last paragraph of a command's help."""

Rows = list[tuple[str, str]]
"""Names, each with what it is for."""


def help_text(command: Any, ctx: Any) -> str:
    """Usage, what it does, its arguments, options and commands."""
    usage = f"Usage: {' '.join([ctx.command_path, *command.collect_usage_pieces(ctx)])}"
    lists = [_list(heading, rows) for heading, rows in _listed(command, ctx).items()]
    return "\n\n".join([usage, *_paragraphs(command.help or ""), *lists, *_paragraphs(command.epilog or "")])


def _paragraphs(text: str) -> Iterator[str]:
    """A paragraph of several lines is kept as it is, its lines below the first indented; one of one line is wrapped."""
    for paragraph in filter(None, text.strip().split("\n\n")):
        heading, *lines = paragraph.split("\n")
        yield "\n".join([heading, *(f"  {line}" for line in lines)]) if lines else textwrap.fill(paragraph, WIDTH)


def _listed(command: Any, ctx: Any) -> dict[str, Rows]:
    """Heading -> what stands below it."""
    found: dict[str, Rows] = {}
    for name, inner in getattr(command, "commands", {}).items():
        found.setdefault(inner.rich_help_panel or "Commands", []).append((name, _first_sentence(inner)))
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            found.setdefault(param.rich_help_panel or f"{param.param_type_name.capitalize()}s", []).append(record)
    return found


def _first_sentence(command: Any) -> str:
    first: str = (command.help or "").partition("\n")[0]
    return first


def _list(heading: str, rows: Rows) -> str:
    names = min(NAMES, max(len(name) for name, _ in rows))
    return "\n".join([f"{heading}:", *(line for name, text in rows for line in _lines(name, text, names))])


def _lines(name: str, text: str, names: int) -> Iterable[str]:
    wrapped = textwrap.wrap(text, WIDTH - names - 4, break_on_hyphens=False) or [""]
    first = [f"  {name}"] if len(name) > names else [f"  {name:<{names}}  {wrapped.pop(0)}".rstrip()]
    return [*first, *(f"{'':<{names + 4}}{line}" for line in wrapped)]
