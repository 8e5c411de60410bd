"""Long text for people: what is higher than the terminal goes through a pager."""

import io
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout

from emp_cli.output import terminal


class _Paper(io.StringIO):
    """Takes what is written in the place of stdout, and is a terminal if that is one."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def written(write: Callable[[], None]) -> list[str]:
    """The lines that something would write to stdout."""
    with redirect_stdout(_Paper(is_terminal=terminal.out_is_terminal())) as paper:
        write()
    return paper.getvalue().splitlines()


def show(write: Callable[[], None]) -> None:
    """Let something write to stdout; on a terminal that is lower than the text, through a pager."""
    pager = _pager() if terminal.can_redraw() and sys.stdin.isatty() else []
    if not pager:
        write()
        return
    from emp_core.variables import environment_with

    lines = written(write)
    if len(lines) < terminal.stdout().height:
        terminal.data("\n".join(lines), end="\n" if lines else "")
        return
    # `less` is told to write colours as they are, and to leave the text on the screen at the end.
    environment = {"LESS": "FRX", **environment_with(None)}
    subprocess.run(pager, input="\n".join(lines), text=True, check=False, env=environment)


def _pager() -> list[str]:
    """The command that shows long text; nothing if there is none, or it is not wanted."""
    from emp_core.variables import variable

    words = shlex.split(variable("PAGER") or "less")
    return words if words and words != ["cat"] and shutil.which(words[0]) else []
