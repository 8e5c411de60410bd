"""The dashboard on the tests' queue, driven by its keys."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.app import ScreenStackError
from textual.events import Key
from textual.pilot import Pilot

from emp_cli.tui.app import Dashboard
from emp_cli.tui.messages import Open
from emp_cli.tui.preferences import load_preferences
from emp_cli.tui.screens.base import QueueScreen
from emp_cli.tui.screens.job.screen import JobScreen
from emp_cli.tui.widgets.row_table import RowTable
from emp_core.client import redis_queue
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.locate import Location
from emp_core.client.redis_queue import RedisQueue
from emp_core.domain.caller import Caller, Role
from emp_core.store.connection import DEFAULT_PREFIX
from tests.support.redis_server import Server
from tests.support.waiting import wait_until

SIZE = (100, 30)


@dataclass(frozen=True, slots=True)
class Driver:
    """A running dashboard, as a person has it before them."""

    app: Dashboard
    pilot: Pilot[None]

    @property
    def screen(self) -> QueueScreen:
        assert isinstance(self.app.screen, QueueScreen), self.app.screen
        return self.app.screen

    @property
    def table(self) -> RowTable[Any]:
        return self.screen.query_one("#rows", RowTable)

    @property
    def keys(self) -> list[str]:
        """The rows' keys, in their order."""
        return [self.table.sheet.key(row) for row in self.table.rows]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*text)

    async def rush(self, *keys: str) -> None:
        """Press keys faster than the dashboard can follow: each is on its way before the one before has an effect."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))
        await self.pilot.pause()

    def text(self) -> str:
        """What is on the screen, a line each."""
        width, _ = self.app.size
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text[:width].rstrip() for strip in strips)

    async def sees(self, *words: str) -> str:
        """The screen, once all of this is on it."""

        def seen() -> str:
            try:
                text = self.text()
            except ScreenStackError:  # a screen of a number key that opens is not there yet
                return ""
            return text if all(word in text for word in words) else ""

        try:
            return await wait_until(seen, f"{words} on the screen")
        except AssertionError:
            raise AssertionError(f"{words} are not all on\n{self.text()}") from None


StartDashboard = Callable[..., AbstractAsyncContextManager[Driver]]
OpenQueue = Callable[..., Awaitable[RedisQueue]]


@pytest.fixture
async def open_queue(server: Server) -> AsyncIterator[OpenQueue]:
    """Opens the queue as an operator; it is closed at the end."""
    opened: list[RedisQueue] = []

    async def open_it(*, read_only: bool = False, url: str = "", artifacts: str | None = None) -> RedisQueue:
        caller = Caller(role=Role.OPERATOR, actor="ada@node1", request_id="r1", read_only=read_only)
        opened.append(await redis_queue.open_queue(location_of(url or server.url, artifacts), caller))
        return opened[-1]

    yield open_it
    for queue in opened:
        await queue.close()


def location_of(url: str, artifacts: str | None = None) -> Location:
    return Location(url=url, prefix=DEFAULT_PREFIX, source="the test", artifacts=artifacts)


@pytest.fixture
def dashboard(server: Server, open_queue: OpenQueue, tmp_path: Path) -> StartDashboard:
    """Starts one on the queue; `screen`: what is typed behind `:`."""

    @asynccontextmanager
    async def start(
        *,
        screen: str = "overview",
        wanted: str = "",
        size: tuple[int, int] = SIZE,
        read_only: bool = False,
        url: str = "",
        artifacts: str | None = None,
    ) -> AsyncIterator[Driver]:
        queue = await open_queue(read_only=read_only, url=url, artifacts=artifacts)
        kept = load_preferences(tmp_path / "dashboard.json")
        app = Dashboard(
            queue, AsyncEmp(queue, location_of(url or server.url)), kept, start=f"jobs {wanted}" if wanted else screen
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Driver(app, pilot)

    return start


@asynccontextmanager
async def opened_job(dashboard: StartDashboard, job: str, tab: str = "", **options: Any) -> AsyncIterator[Driver]:
    """The screen of a job, and one of its tabs."""
    async with dashboard(screen="jobs", **options) as driver:
        driver.app.post_message(Open(f"job {job}"))
        await driver.sees("Summary", "priority")
        if tab:
            assert isinstance(driver.screen, JobScreen)
            driver.screen.call_later(driver.screen.action_show_tab, tab)
            await driver.pilot.pause()
        yield driver
