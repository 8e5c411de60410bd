"""The entry point, and the one place where an error becomes a line and an exit code."""

import gc
import os
import sys
from collections.abc import Sequence

from emp_core import __version__

INTERRUPTED = 130

GARBAGE_THRESHOLD = 50_000
"""Python's own 700 searches for garbage dozens of times while modules load, and finds none."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    import typer

    from emp_cli.app import app
    from emp_cli.context import Session
    from emp_cli.exits import ExitCode
    from emp_cli.input.arguments import completed, hoisted
    from emp_cli.output import terminal

    try:
        session = Session(arguments=tuple(arguments))
        return app(hoisted(completed(arguments)), prog_name="emp", standalone_mode=False, obj=session) or ExitCode.OK
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        terminal.fail(error.format_message(), f"{context.command_path if context else 'emp'} --help")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the edge: whatever it is, a person gets a line and a way on
        return _told(error, debug="--debug" in arguments)


def _told(error: Exception, *, debug: bool) -> int:
    import traceback

    from emp_cli.exits import ExitCode, cause_of, code_of, hint_of
    from emp_cli.output import terminal
    from emp_cli.output.clean import clean
    from emp_core.errors import EmpError, FilterError

    if debug:
        traceback.print_exception(error)
    cause = cause_of(error)
    if isinstance(cause, FilterError):
        from emp_core.domain.filter import render

        *shown, _ = render(cause, clean).splitlines()
        terminal.note("\n".join(shown))
    if isinstance(cause, EmpError):
        terminal.fail(cause.message, hint_of(cause))
        return code_of(cause)
    if isinstance(cause, OSError):
        _let_go_of_stdout()
        where = f"{cause.filename}: " if cause.filename else ""
        terminal.fail(f"{where}{cause.strerror or cause}")
        return ExitCode.FAILED
    if isinstance(cause, UnicodeEncodeError):
        terminal.fail(f"what was typed is not UTF-8 text: {cause.object!r}")
        return ExitCode.USAGE
    terminal.fail(f"a bug in emp: {type(cause).__name__}: {cause}", "" if debug else "run it again with --debug")
    return ExitCode.FAILED


def run() -> None:
    """The entry point."""
    try:
        _open_what_is_closed()
        gc.set_threshold(GARBAGE_THRESHOLD)
        # What people and scripts ask most often is answered before the tree of commands is imported.
        if sys.argv[1:] in (["--version"], ["-V"]):
            sys.exit(_answer(f"emp {__version__}\n"))
        if sys.argv[1:] in (["--help"], ["-h"]):
            sys.exit(_answer(_help()))
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        gc.freeze()  # Python's end would search all modules for garbage, which takes as long as half of their import


def _answer(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        return _told(error, debug=False)
    return 0


def _help() -> str:
    """The help of `emp`, which `python -m tests.generated` writes to a file."""
    with open(os.path.join(os.path.dirname(__file__), "help.txt"), encoding="utf-8") as file:
        return file.read()


def _open_what_is_closed() -> None:
    """A stream that the shell closed is an empty one; text that cannot be said is said with question marks."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - for as long as we live
        getattr(sys, name).reconfigure(errors="replace")


def _let_go_of_stdout() -> None:
    """Else Python would try once more, at its end, to write what could not be written."""
    from emp_cli.output import terminal

    try:
        sys.stdout.flush()
    except OSError:
        terminal.drop_stdout()
