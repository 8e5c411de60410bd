"""Pictures of the dashboard over a queue that never changes."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from textual.pilot import Pilot

from emp_cli.tui.app import Dashboard
from emp_cli.tui.preferences import Preferences
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.queue import Queue
from tests.cli.tui.canned import CannedQueue, Scene, StoppedClock
from tests.support.waiting import wait_until


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


async def picture(
    scene: Scene, size: tuple[int, int], command: str = "overview", *, keys: Sequence[str] = (), away: bool = False
) -> str:
    """The screen that a command leads to, as SVG."""
    canned = CannedQueue(scene)
    emp = cast(AsyncEmp, SimpleNamespace(queue=SimpleNamespace(context="prod", engine="valkey 9.1.0")))
    queue = cast(Queue, canned)
    app = Dashboard(queue, emp, Preferences(path=Path()), clock=StoppedClock(), start=command)
    with utc():
        async with app.run_test(size=size) as pilot:
            await _settled(app, pilot)
            if away:
                canned.is_away = True
                app.action_refresh()
                await wait_until(lambda: "stale" in text_of(app), "the queue is away")
            await pilot.press(*keys)
            await _settled(app, pilot)
            return app.export_screenshot(title="emp dashboard")


async def _settled(app: Dashboard, pilot: Pilot[None]) -> None:
    await wait_until(lambda: app.is_settled, "the screen shows what was read")
    await pilot.pause()
    await pilot.pause()


def text_of(app: Dashboard) -> str:
    """What is on the screen, a line each."""
    width, _ = app.size
    strips: Any = app.screen._compositor.render_strips()
    return "\n".join(strip.text[:width].rstrip() for strip in strips)
