"""The bridge: commands are sync, the core is async; they meet here and nowhere else."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from emp_cli.context import connected, session_of
from emp_cli.exits import ExitCode
from emp_cli.output import terminal

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp

T = TypeVar("T")


def run(ctx: typer.Context, work: Callable[["AsyncEmp"], Awaitable[T]]) -> T:
    """Connect, do the work, disconnect. Ctrl-C ends it with a word on what goes on."""

    async def whole() -> T:
        async with connected(session_of(ctx)) as emp:
            return await work(emp)

    return run_alone(ctx, whole())


def run_alone(ctx: typer.Context, work: Coroutine[Any, Any, T]) -> T:
    """The same for work that brings its own connection, or needs none."""
    import asyncio  # which help and completion do not need

    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        farewell = session_of(ctx).farewell
        if farewell:
            terminal.note(f"\n{farewell}")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except BrokenPipeError:
        terminal.drop_stdout()
        raise typer.Exit(ExitCode.OK) from None


def leave(code: ExitCode) -> None:
    """End with a code, unless all is well."""
    if code:
        raise typer.Exit(code)
