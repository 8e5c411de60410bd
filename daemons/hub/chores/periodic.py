"""Work that is done again and again: one pass at a time, and nothing in it may stop the hub."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sized

import structlog

from daemons.outage import UNAVAILABLE, Outage

log = structlog.get_logger()

JITTER = 0.2
"""Each pause is up to a fifth shorter or longer, so that hubs side by side spread out."""

LEAST_PAUSE_SECONDS = 0.005


class Periodic:
    """A chore: `run_once` does one pass and returns how much it did.

    A pass that did `batch` or more may have left some: the next one follows at once.
    """

    def __init__(
        self, name: str, seconds: float, act: Callable[[], Awaitable[int | Sized]], *, batch: int | None = None
    ) -> None:
        self.name = name
        self.seconds = seconds
        self._act = act
        self._batch = batch

    async def run_once(self) -> int:
        """One pass."""
        done = await self._act()
        return done if isinstance(done, int) else len(done)

    def pause(self, done: int) -> float:
        """Seconds until the next pass, after one that did so much."""
        if self._batch is not None and done >= self._batch:
            return 0.0
        return self.seconds * random.uniform(1 - JITTER, 1 + JITTER)

    async def run(self, outage: Outage) -> None:
        """Pass after pass, until cancelled; begins somewhere within the first period."""
        pause = random.uniform(0, self.seconds)
        while True:
            await asyncio.sleep(max(pause, LEAST_PAUSE_SECONDS))
            pause = await self._pass(outage)

    async def _pass(self, outage: Outage) -> float:
        try:
            done = await self.run_once()
        except UNAVAILABLE as error:
            outage.begin(error, self.name)
            return self.pause(0)
        except Exception:  # the boundary: a chore's bug must not stop the hub, nor the other chores
            log.exception("chore.failed", chore=self.name)
            return self.pause(0)
        outage.end(self.name)
        if done:
            log.debug("chore.done", chore=self.name, done=done)
        return self.pause(done)
