"""Pictures of the dashboard over a queue that never changes."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from textual.pilot import Pilot

from emp_cli.tui.app import Dashboard
from emp_cli.tui.messages import Open
from emp_cli.tui.preferences import Preferences
from emp_cli.tui.screens.job.screen import JobScreen
from emp_cli.tui.theme import DARK
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.locate import Location
from emp_core.client.queue import Queue
from tests.cli.tui import canned
from tests.cli.tui.canned import CannedQueue, Scene, StoppedClock
from tests.support.waiting import wait_until

IN_README = (100, 32)

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@contextmanager
def utc() -> Iterator[None]:
    """Times are shown as they are in UTC, wherever this machine is."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


@dataclass(slots=True)
class Camera:
    """A dashboard, and what it looks like."""

    app: Dashboard
    pilot: Pilot[None]
    queue: CannedQueue

    async def of(self, command: str) -> str:
        """The screen that a command leads to."""
        self.app.post_message(Open(command))
        return await self.after()

    async def after(self, *keys: str) -> str:
        """The screen after some keys: its text, and below it the style of each run of cells, to be read in a diff."""
        await self.pilot.press(*keys)
        await self._settle()
        return f"{text_of(self.app)}\n\n{_styles_of(self.app)}"

    async def of_tab(self, job: str, tab: str) -> str:
        """A tab of the screen of a job."""
        await self.of(f"job {job}")
        assert isinstance(self.app.screen, JobScreen)
        self.app.screen.call_later(self.app.screen.action_show_tab, tab)
        return await self.after()

    async def at(self, size: tuple[int, int]) -> str:
        """The same screen after the terminal got another size."""
        await self.pilot.resize_terminal(*size)
        return await self.after()

    def svg(self) -> str:
        """The screen as a picture."""
        return _without_strangers(self.app.export_screenshot(title="emp dashboard"))

    async def unplug(self) -> None:
        """From now on the queue does not answer."""
        self.queue.is_away = True
        self.app.action_refresh()
        await wait_until(lambda: "stale" in text_of(self.app), "the queue is away")

    async def _settle(self) -> None:
        await self.pilot.pause()
        await wait_until(lambda: self.app.is_settled, "the screen shows what was read")
        await self.pilot.pause()


def dashboard_picture() -> str:
    """The text of `docs/dashboard.svg`."""

    async def taken() -> str:
        async with camera(canned.usual(), IN_README) as shot:
            await shot.of("overview")
            return shot.svg()

    return asyncio.run(taken())


def _without_strangers(svg: str) -> str:
    """The picture with the fonts of the machine that shows it, and with names that do not change with its text."""
    fonts = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'
    own = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code, monospace", fonts)
    lines = re.sub(r"terminal-\d+", "emp", own).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


@asynccontextmanager
async def camera(scene: Scene, size: tuple[int, int]) -> AsyncIterator[Camera]:
    """A dashboard over a queue that never changes, at noon UTC."""
    queue = CannedQueue(scene)
    place = Location(url="", prefix="", source="a picture", artifacts=None, context="prod")
    emp = AsyncEmp(cast(Queue, queue), place)
    app = Dashboard(cast(Queue, queue), emp, Preferences(path=Path(), theme=DARK.name), clock=StoppedClock())
    with utc():
        async with app.run_test(size=size) as pilot:
            yield Camera(app, pilot, queue)


def text_of(app: Dashboard) -> str:
    """What is on the screen, a line each."""
    width, _ = app.size
    strips: Any = app.screen._compositor.render_strips()
    return "\n".join(strip.text[:width].rstrip() for strip in strips)


def _styles_of(app: Dashboard) -> str:
    """A line for each line of the screen: a letter for each style, and how many cells have it; then the letters."""
    letters: dict[str, str] = {}
    lines = []
    for strip in app.screen._compositor.render_strips():
        runs: list[tuple[str, int]] = []
        for segment in strip:
            style = str(segment.style or "none").replace("@", "")
            letter = letters.setdefault(style, LETTERS[len(letters)])
            width = segment.cell_length
            if runs and runs[-1][0] == letter:
                runs[-1] = (letter, runs[-1][1] + width)
            else:
                runs.append((letter, width))
        lines.append(" ".join(f"{letter}{width}" for letter, width in runs))
    legend = [f"{letter} {_told(style)}" for style, letter in letters.items()]
    return "\n".join([*lines, "", *legend])


def _told(style: str) -> str:
    """A style without what tells clicks apart."""
    return " ".join(word for word in style.split() if "meta" not in word)
