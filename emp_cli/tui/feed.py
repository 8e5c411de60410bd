"""The only part of the dashboard that asks the queue."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textual.message import Message

from emp_cli.tui.messages import Contact, Refused, Seen, Trouble
from emp_cli.tui.reads import Read
from emp_core.clock import Clock
from emp_core.errors import EmpError, QueueUnavailable

if TYPE_CHECKING:
    from emp_core.client.queue import Queue

Listener = Callable[[Message], object]

LISTEN_GAP = 0.25
"""Seconds between two reads of the event stream, however much happens."""

LISTEN_BLOCK_MS = 2_000

RETRY_SECONDS = 1.0


class Feed:
    """Reads what the open screen shows, and tells it. Nothing is read for a screen that is hidden."""

    def __init__(self, queue: "Queue", tell_app: Listener, clock: Clock) -> None:
        self._clock = clock
        self._queue = queue
        self._tell_app = tell_app
        self._read: Read[Any] | None = None
        self._listener: Listener = tell_app
        self._wake = asyncio.Event()
        self._follow = asyncio.Event()
        self._changed = False
        self._at_once = False
        self._read_at = float("-inf")
        self._answered_at = 0.0
        self._trouble: Trouble | None = None
        self._looking = asyncio.Future[None]()
        self.frozen = False

    def show(self, read: Read[Any] | None, listener: Listener, *, now: bool = False) -> None:
        """Read this from now on, in place of what was read before."""
        if read != self._read or now:
            self._at_once = True
            self._looking.cancel()
        self._read, self._listener = read, listener
        if read is not None and read.follows:
            self._follow.set()
        else:
            self._follow.clear()
        self._wake.set()

    @property
    def is_settled(self) -> bool:
        """Whether what is wanted was read."""
        return self._looking.done() and not self._at_once

    def refresh(self) -> None:
        """Read once more now, also if the screen is frozen."""
        self._at_once = True
        self._wake.set()

    def freeze(self, frozen: bool) -> None:
        """Read nothing more until told; what happens meanwhile is read afterwards."""
        self.frozen = frozen
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled."""
        self._answered_at = self._clock.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            while True:
                await self._wait()
                self._looking = group.create_task(self._look())
                await asyncio.wait([self._looking])  # it is cancelled if something else is wanted meanwhile

    async def _wait(self) -> None:
        """Until it is time to read."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            wait = self._seconds_left(loop.time())
            if wait is not None and wait <= 0:
                return
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                return

    def _seconds_left(self, now: float) -> float | None:
        """Until the next read; None: until something else is wanted."""
        if self._read is None:
            return None
        if self._at_once:
            return 0
        if self.frozen:
            return None
        seconds = self._read.gap if self._changed else self._read.period
        if self._trouble:
            seconds = RETRY_SECONDS
        return self._read_at + seconds - now

    async def _look(self) -> None:
        read, listener = self._read, self._listener
        if read is None:
            return
        self._changed = self._at_once = False
        self._read_at = asyncio.get_running_loop().time()
        try:
            data = await read.read(self._queue)
            at = await self._queue.now_ms()
        except QueueUnavailable as error:
            self._lost(error)
        except EmpError as error:
            self._found()
            listener(Refused(read, error))
        else:
            self._found()
            listener(Seen(read, data, at))

    def _found(self) -> None:
        self._answered_at = self._clock.monotonic()
        if self._trouble:
            self._trouble = None
            self._tell_app(Contact(None))

    def _lost(self, error: QueueUnavailable) -> None:
        self._trouble = Trouble(error.message, self._answered_at)
        self._tell_app(Contact(self._trouble))

    async def _listen(self) -> None:
        """Note that something happened, while the screen shows what events change."""
        while True:
            await self._follow.wait()
            try:
                await self._listen_once()
            except QueueUnavailable:
                await asyncio.sleep(RETRY_SECONDS)  # the next read tells of it

    async def _listen_once(self) -> None:
        async with self._queue.watch() as watch:
            while self._follow.is_set():
                batch = await watch.next(LISTEN_BLOCK_MS)
                if batch.events or batch.resync:
                    self._changed = True
                    self._wake.set()
                await asyncio.sleep(LISTEN_GAP)
