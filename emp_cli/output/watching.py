"""`--watch`: a command's output, refreshed on a terminal, and appended if stdout is not one."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import typer

from emp_cli.context import session_of
from emp_cli.output import pager, terminal
from emp_cli.output.clean import json_text, one_line
from emp_cli.output.layout import Format, Layout, View
from emp_cli.output.units import time_of_day
from emp_core.domain.durations import duration
from emp_core.errors import InvalidInput, QueueUnavailable

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What there is to see at one moment."""

    now: int
    """ms since 1970."""

    views: Mapping[str, View]
    """The rows as JSON, by their ids."""

    write: Callable[[], None]
    """Writes it for people."""

    unread: int = 0
    """Rows that match too, and were not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What `--watch` was asked for."""

    title: str
    """What was typed."""

    seconds: float
    layout: Layout

    async def run(self, look: Callable[[], Awaitable[Look]]) -> None:
        """Show it until Ctrl-C. Raises `InvalidInput` for a format that has no end in sight."""
        if self.layout.format is Format.JSONL:
            await self._tell_changes(_Eyes(look), _write_lines)
        elif not self.layout.format.is_table:
            raise InvalidInput("watch", f"cannot write {self.layout.format}; -o jsonl prints each change")
        elif terminal.can_redraw():
            await self._draw(_Eyes(look))
        else:
            await self._tell_changes(_Eyes(look), _append)

    async def _draw(self, eyes: "_Eyes") -> None:
        import asyncio  # which completion does not need

        # Rich's `Live` would add its picture to each table that is written while it is up.
        with terminal.stdout().screen() as screen:
            while True:
                screen.update(self._picture(await eyes.look(), eyes.trouble()))
                await asyncio.sleep(self.seconds)

    def _picture(self, seen: Look, trouble: str) -> "Text":
        from rich.text import Text

        console = terminal.stdout()
        lines = pager.written(seen.write)
        room = max(1, console.height - 3)
        hidden = seen.unread
        if len(lines) > room or hidden:
            hidden += max(0, len(lines) - room + 1)
            lines = [*lines[: room - 1], f"+{hidden:,} more"]
        clock = f"{time_of_day(seen.now)}, every {self.seconds:g} s"
        title = one_line(self.title)[: max(10, console.width - len(clock) - 2)]
        head = Text.assemble((title, "bold"), " " * max(2, console.width - len(title) - len(clock)), clock)
        body = Text.from_ansi("\n".join(lines) or "nothing to show")
        text = Text("\n", no_wrap=True, overflow="ellipsis").join([head, Text(trouble, style="bold red"), body])
        text.no_wrap, text.overflow = True, "ellipsis"
        return text

    async def _tell_changes(self, eyes: "_Eyes", tell: Callable[[Look, list[str]], object]) -> None:
        """Tell what is new or has changed; trouble is told once."""
        import asyncio

        told: dict[str, str] = {}
        first, troubled = True, False
        while True:
            seen = await eyes.look()
            trouble = eyes.trouble()
            if bool(trouble) is not troubled:
                terminal.note(trouble or f"{time_of_day(seen.now)} the queue answers again")
                troubled = bool(trouble)
            lines = {key: json_text(self.layout.view_of(view)) for key, view in seen.views.items()}
            new = [line for key, line in lines.items() if told.get(key) != line]
            if new or first or told.keys() != lines.keys():
                tell(seen, new)
            told, first = lines, False
            await asyncio.sleep(self.seconds)


def watching(ctx: typer.Context, seconds: float, layout: Layout) -> Watch:
    """A watch over what was typed."""
    return Watch(title=session_of(ctx).command(), seconds=seconds, layout=layout)


def _write_lines(seen: Look, new: list[str]) -> None:
    for line in new:
        terminal.data(line)


def _append(seen: Look, new: list[str]) -> None:
    more = f", +{seen.unread:,} more" if seen.unread else ""
    terminal.note(f"{time_of_day(seen.now)}{more}")
    seen.write()


class _Eyes:
    """Looks at the queue, and remembers what it saw last if the queue does not answer."""

    def __init__(self, look: Callable[[], Awaitable[Look]]) -> None:
        self._look = look
        self._last: Look | None = None
        self._seen_at = 0.0
        self._error: QueueUnavailable | None = None

    async def look(self) -> Look:
        """What there is now, or was at the last answer. Raises `QueueUnavailable` if there never was one."""
        try:
            self._last = await self._look()
        except QueueUnavailable as error:
            if self._last is None:
                raise
            self._error = error
        else:
            self._error = None
            self._seen_at = monotonic()
        return self._last

    def trouble(self) -> str:
        """How old the last answer is, and why; empty if it is of now."""
        if self._error is None:
            return ""
        return f"stale {duration(monotonic() - self._seen_at)}: {one_line(self._error.message)}"
