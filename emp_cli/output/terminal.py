"""The two streams: data goes to stdout, everything that is said about it to stderr."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from emp_cli.output.clean import clean, one_line

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 10_000
"""A table that no person looks at is not cut."""


class Color(StrEnum):
    """What `--color` takes."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


_wanted = Color.AUTO


def use_color(wanted: Color) -> None:
    """Say whether to write in colour, before anything is written."""
    global _wanted
    _wanted = wanted
    stdout.cache_clear()
    stderr.cache_clear()


def out_is_terminal() -> bool:
    """Whether a person looks at the data; asked of the stream, as colour can be forced anywhere."""
    return sys.stdout.isatty()


def err_is_terminal() -> bool:
    """The same of the narration."""
    return sys.stderr.isatty()


def out_is_plain() -> bool:
    """Whether the data is neither coloured nor cut, so that it can be written without Rich."""
    return not out_is_terminal() and not _may_be_coloured()


def _err_is_plain() -> bool:
    return not err_is_terminal() and not _may_be_coloured()


def _may_be_coloured() -> bool:
    """Whether a stream that is no terminal may be told to be coloured all the same; if so, Rich decides."""
    from emp_core.variables import variable

    asked = any(variable(name) for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"))
    return _wanted is Color.ALWAYS or (_wanted is Color.AUTO and asked)


@cache
def stdout(*, whole: bool = False) -> "Console":
    """The console of the data. Width and colour are Rich's to find out (COLUMNS, TERM, NO_COLOR, FORCE_COLOR).

    With `whole` lines may be longer than the terminal is wide.
    """
    return _console(to_stderr=False, width=None if out_is_terminal() and not whole else PIPED_WIDTH)


@cache
def stderr() -> "Console":
    """The console of the narration."""
    return _console(to_stderr=True, width=None if err_is_terminal() else PIPED_WIDTH)


def _console(*, to_stderr: bool, width: int | None) -> "Console":
    from rich.console import Console

    from emp_core.variables import variable

    forced = _wanted is Color.ALWAYS or (_wanted is Color.AUTO and variable("CLICOLOR_FORCE") not in ("", "0"))
    return Console(
        stderr=to_stderr,
        markup=False,
        emoji=False,
        highlight=False,
        width=width,
        soft_wrap=width is not None,
        force_terminal=True if forced else None,
        no_color=None if _wanted is Color.AUTO else _wanted is Color.NEVER,
    )


def can_redraw() -> bool:
    """Whether stdout is a terminal that can clear its screen and be written again."""
    return out_is_terminal() and not stdout().is_dumb_terminal


def data(text: str, end: str = "\n") -> None:
    """Write data, and have it out before anything else happens."""
    sys.stdout.write(f"{text}{end}")
    sys.stdout.flush()


def drop_stdout() -> None:
    """Discard further output after the reader has gone. Otherwise Python reports a broken pipe at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def headline(text: str, style: str) -> None:
    """Write a line of data that stands over others, in colour where there is a person to see it."""
    if out_is_plain():
        data(one_line(text))
        return
    from rich.text import Text

    stdout().print(Text(one_line(text), style=f"bold {style}".strip()), soft_wrap=True)
    sys.stdout.flush()


def note(text: str) -> None:
    """Say something about the data."""
    _say("", "", text)


def warn(text: str) -> None:
    """Say that something may not be as wanted."""
    _say("warning: ", "yellow", text)


def fail(message: str, hint: str = "") -> None:
    """Say what went wrong, in one line, and the next step in another."""
    _say("error: ", "bold red", one_line(message))
    if hint:
        hint_line(hint)


def hint_line(text: str) -> None:
    """Say what to do next."""
    _say("hint: ", "cyan", one_line(text))


def _say(label: str, style: str, text: str) -> None:
    if not label or _err_is_plain():
        sys.stderr.write(f"{label}{clean(text).expandtabs()}\n")
        sys.stderr.flush()
        return
    from rich.text import Text

    stderr().print(Text.assemble((label, style), clean(text)), soft_wrap=True)


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; it is given how many more of `total` are done."""
    if not err_is_terminal():
        yield lambda done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    # On the same terminal ids must go above the bar; anywhere else they must not go through it.
    with Progress(*columns, console=stderr(), transient=True, redirect_stdout=out_is_terminal()) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.advance(task, done)
