"""Bounds how many costly calls run at once, so that the others are answered soon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from daemons.hub.http.problems import HubBusy

WAIT_SECONDS = 5.0
"""How long a call waits for its turn at most."""


class Admission:
    """Lets some calls of one kind run at once and more wait, up to a cost; refuses the rest at once."""

    def __init__(self, what: str, at_once: int, waiting: int) -> None:
        """`waiting`: what the calls that wait may cost together."""
        self._what = what
        self._at_once = at_once
        self._places = asyncio.Semaphore(at_once)
        self._line = waiting
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, cost: int = 1) -> AsyncIterator[None]:
        """Wait for a place, and hold it. Raises `HubBusy`."""
        await self._wait(cost)
        try:
            yield
        finally:
            self._places.release()

    async def _wait(self, cost: int) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting + cost > self._line:
            raise self._busy()
        self._waiting += cost
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise self._busy() from None
        finally:
            self._waiting -= cost

    def _busy(self) -> HubBusy:
        return HubBusy(f"the hub is busy with {self._what} ({self._at_once} at a time)", hint="repeat the call later")
