"""The entry point, and the one place where an error becomes a line and an exit code."""

import sys
from collections.abc import Sequence

from emp_core import __version__


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    import typer

    from emp_cli.app import app
    from emp_cli.arguments import hoisted
    from emp_cli.exits import ExitCode
    from emp_cli.output import terminal

    try:
        return app(hoisted(arguments), prog_name="emp", standalone_mode=False) or ExitCode.OK
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        message = error.format_message().replace("Value error, ", "").replace("Input should be", "must be")
        terminal.fail(message, f"{context.command_path} --help" if context else "")
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the edge: whatever it is, a person gets a line and a way on
        return _told(error, debug="--debug" in arguments)


def _told(error: Exception, *, debug: bool) -> int:
    import traceback

    from emp_cli.exits import ExitCode, cause_of, code_of
    from emp_cli.output import terminal
    from emp_core.errors import EmpError

    if debug:
        traceback.print_exception(error)
    cause = cause_of(error)
    if isinstance(cause, EmpError):
        terminal.fail(cause.message, cause.hint)
        return code_of(cause)
    terminal.fail(f"a bug in emp: {type(cause).__name__}: {cause}", "" if debug else "run it again with --debug")
    return ExitCode.FAILED


def run() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    if sys.argv[1:] in (["--version"], ["-V"]):
        # What people and scripts ask most often is answered before the tree of commands is imported.
        sys.stdout.write(f"emp {__version__}\n")
        return
    sys.exit(main(sys.argv[1:]))
