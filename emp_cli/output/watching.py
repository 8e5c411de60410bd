"""`--watch`: a list that is drawn anew on a terminal, or whose changes are JSON lines elsewhere."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from emp_cli.output import terminal
from emp_cli.output.clean import json_text
from emp_cli.output.formats import Format, Sheet
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from rich.console import RenderableType

T = TypeVar("T")

EVERY_SECONDS = 2.0


async def watch(
    fetch: Callable[[], Awaitable[Sequence[T]]],
    sheet: Sheet[T],
    draw: Callable[[Sequence[T]], Awaitable["RenderableType"]],
    output: Format,
) -> None:
    """Until Ctrl-C."""
    if output is Format.JSONL:
        await _tell_changes(fetch, sheet)
    elif output is Format.TABLE and terminal.stdout().is_terminal:
        await _draw(fetch, draw)
    else:
        raise InvalidInput("watch", "needs a terminal; elsewhere use -o jsonl, which prints each change")


async def _draw(
    fetch: Callable[[], Awaitable[Sequence[T]]], draw: Callable[[Sequence[T]], Awaitable["RenderableType"]]
) -> None:
    import asyncio

    from rich.live import Live

    with Live(console=terminal.stdout(), screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(await draw(await fetch()), refresh=True)
            await asyncio.sleep(EVERY_SECONDS)


async def _tell_changes(fetch: Callable[[], Awaitable[Sequence[T]]], sheet: Sheet[T]) -> None:
    import asyncio

    seen: dict[str, str] = {}
    while True:
        lines = {sheet.key(row): json_text(sheet.view(row)) for row in await fetch()}
        for key, line in lines.items():
            if seen.get(key) != line:
                terminal.data(line)
        seen = lines
        await asyncio.sleep(EVERY_SECONDS)
