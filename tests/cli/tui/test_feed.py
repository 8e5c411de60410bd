"""What the feed reads, when, and what it says while the queue does not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from textual.message import Message

from emp_cli.tui.feed import Feed
from emp_cli.tui.messages import Contact, Refused, Seen
from emp_cli.tui.reads import Read
from emp_core.client.queue import Queue
from emp_core.clock import SystemClock
from emp_core.errors import NotFound
from emp_core.store import Store
from tests.cli.tui.conftest import OpenQueue, StartDashboard
from tests.faults.proxy import Proxy
from tests.support.builders import submit
from tests.support.redis_server import Server
from tests.support.waiting import wait_until

SOON = 0.05


@dataclass(eq=False)
class Counted(Read[int]):
    """Counts how often it is read, and notes when."""

    period = SOON
    gap = SOON

    at: list[float] = field(default_factory=list[float])

    async def read(self, queue: Queue) -> int:
        self.at.append(asyncio.get_running_loop().time())
        return len(self.at)


class Once(Counted):
    """Read again only if something happened."""

    period = 3_600.0
    follows = True


class Hanging(Counted):
    async def read(self, queue: Queue) -> int:
        await super().read(queue)
        await asyncio.Event().wait()
        return 0


class Missing(Counted):
    async def read(self, queue: Queue) -> int:
        raise NotFound("job", "7f3a")


@asynccontextmanager
async def fed(queue: Queue) -> AsyncIterator[tuple[Feed, list[Message]]]:
    told: list[Message] = []
    feed = Feed(queue, told.append, SystemClock())
    running = asyncio.create_task(feed.run())
    yield feed, told
    running.cancel()
    await asyncio.wait([running])


async def test_a_screen_that_is_hidden_is_not_read_for(store: Store, open_queue: OpenQueue) -> None:
    async with fed(await open_queue()) as (feed, told):
        hidden, shown = Counted(), Counted()
        feed.show(hidden, told.append)
        await wait_until(lambda: hidden.at, "the first is read")
        feed.show(shown, told.append)
        before = len(hidden.at)
        await wait_until(lambda: len(shown.at) > 3, "the second is read")
        assert len(hidden.at) == before


async def test_nothing_is_read_for_no_screen(store: Store, open_queue: OpenQueue) -> None:
    async with fed(await open_queue()) as (feed, told):
        read = Counted()
        feed.show(read, told.append)
        await wait_until(lambda: read.at, "it is read")
        feed.show(None, told.append)
        before = len(read.at)
        await submit(store)
        await asyncio.sleep(3 * SOON)
        assert len(read.at) == before


async def test_an_event_has_it_read_again(store: Store, open_queue: OpenQueue) -> None:
    async with fed(await open_queue()) as (feed, told):
        read = Once()
        feed.show(read, told.append)
        await wait_until(lambda: read.at, "it is read")
        while len(read.at) < 2:
            await submit(store)
            await asyncio.sleep(SOON)


async def test_many_events_have_it_read_no_oftener_than_its_gap(store: Store, open_queue: OpenQueue) -> None:
    async with fed(await open_queue()) as (feed, told):
        read = Once()
        feed.show(read, told.append)
        while len(read.at) < 4:
            await asyncio.gather(*(submit(store) for _ in range(20)))
        gaps = [after - before for before, after in zip(read.at[1:], read.at[2:], strict=False)]
        assert min(gaps) >= SOON


async def test_a_read_that_hangs_does_not_keep_the_next_screen(store: Store, open_queue: OpenQueue) -> None:
    async with fed(await open_queue()) as (feed, told):
        hanging, other = Hanging(), Counted()
        feed.show(hanging, told.append)
        await wait_until(lambda: hanging.at, "it hangs")
        feed.show(other, told.append)
        await wait_until(lambda: other.at, "the other is read")
        assert len(hanging.at) == 1


async def test_what_the_queue_refuses_is_told_to_the_screen(store: Store, open_queue: OpenQueue) -> None:
    async with fed(await open_queue()) as (feed, told):
        feed.show(Missing(), told.append)
        await wait_until(lambda: told, "it is told")
        assert isinstance(told[0], Refused)


async def test_frozen_it_reads_nothing_but_what_is_asked_for(store: Store, open_queue: OpenQueue) -> None:
    async with fed(await open_queue()) as (feed, told):
        read = Counted()
        feed.show(read, told.append)
        await wait_until(lambda: any(isinstance(each, Seen) for each in told), "it is read")
        feed.freeze(True)
        before = len(read.at)
        await asyncio.sleep(3 * SOON)
        assert len(read.at) == before
        feed.refresh()
        await wait_until(lambda: len(read.at) == before + 1, "it is read once")
        feed.freeze(False)
        await wait_until(lambda: len(read.at) > before + 2, "it goes on")


async def test_a_queue_that_goes_away_and_comes_back(server: Server, dashboard: StartDashboard, tmp_path: Path) -> None:
    proxy = Proxy(tmp_path / "proxy.sock", server.socket)
    await proxy.start()
    async with dashboard(url=proxy.url) as driver:
        await driver.sees("0 pending")
        await proxy.close()
        await driver.sees("stale", "0 pending")
        await proxy.start()
        await wait_until(lambda: "stale" not in driver.text(), "it reads again")
    await proxy.close()


async def test_a_queue_that_is_away_is_told_to_the_app_once_it_is_back(
    server: Server, open_queue: OpenQueue, tmp_path: Path
) -> None:
    proxy = Proxy(tmp_path / "proxy.sock", server.socket)
    await proxy.start()
    async with fed(await open_queue(url=proxy.url)) as (feed, told):
        feed.show(Alive(), told.append)
        await wait_until(lambda: told, "it is read")
        await proxy.close()
        trouble = await wait_until(
            lambda: next((each.trouble for each in told if isinstance(each, Contact)), None), "the trouble"
        )
        assert trouble
        assert trouble.why
        await proxy.start()
        await wait_until(lambda: isinstance(told[-1], Seen), "it is read again")
        assert [each.trouble for each in told if isinstance(each, Contact)][-1] is None
    await proxy.close()


class Alive(Counted):
    async def read(self, queue: Queue) -> int:
        return await queue.now_ms()
