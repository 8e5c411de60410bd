"""The worker's file store. While it is unavailable, what a job made waits on this disk.

A call of a running attempt is repeated until it is answered, or until the attempt is told to stop or is out of time.
Meanwhile the worker claims nothing (`on_change` tells the board of services): no other job could store its files.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from daemons.worker.connector import Interrupted
from emp_core.artifacts import ArtifactStore
from emp_core.errors import AccessDenied, ArtifactsUnavailable, EmpError, HubUnavailable

log = structlog.get_logger()

T = TypeVar("T")

UNAVAILABLE = (HubUnavailable, ArtifactsUnavailable, AccessDenied)
"""A token that is being changed is an outage like any other."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
LOOK_SECONDS = 5.0
"""A store that is silent for longer counts as unavailable."""

PROBED_JOB = "probe"
"""Its files are asked for to see whether the store answers; there are none."""


class Waiter(Protocol):
    """The part of an attempt that decides how long its calls are repeated."""

    @property
    def cancelled(self) -> asyncio.Event:
        """Set when the attempt must stop."""
        ...

    def time_left(self) -> float:
        """Seconds until the attempt's timeout."""
        ...

    def alive(self) -> None:
        """Keep the attempt from being taken for stalled."""
        ...

    def log(self, line: str) -> None:
        """Tell the reader of the job's log."""
        ...


class Files:
    """The file store of one worker, and whether it answers."""

    def __init__(self, store: ArtifactStore, spool: Path | None, on_change: Callable[[str], None]) -> None:
        self.store = store
        self.spool = spool
        """Where outputs wait for the store; None: the system's temporary directory."""

        self._on_change = on_change
        self._why = ""
        self._unavailable = asyncio.Event()
        self._misses = 0
        """Calls that found the store unavailable since the last transfer."""

    async def watch(self) -> None:
        """Look for ever whether a store that was unavailable is back."""
        while True:
            await self._unavailable.wait()
            await asyncio.sleep(_pause_after(self._misses))
            await self.look()

    async def look(self) -> None:
        """Ask the store for something small."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self.store.list(PROBED_JOB)
        except TimeoutError:
            self._missed("no answer")
        except EmpError as error:
            self._missed(error.message)
        else:
            self._answered()

    async def reach(self, call: Callable[[], Awaitable[T]], attempt: Waiter) -> T:
        """Repeat a call until the store answers it. Raises `Interrupted` if the attempt must stop."""
        tries = 0
        while True:
            try:
                answer = await call()
            except UNAVAILABLE as error:
                tries += 1
                await self.endure(error, attempt, tries)
            else:
                self._misses = 0
                self._answered()
                return answer

    async def endure(self, error: EmpError, attempt: Waiter, tries: int = 1) -> None:
        """Wait after an attempt found the store unavailable. Raises `Interrupted`, or the error out of time."""
        self._missed(error.message)
        if tries == 1:
            attempt.log(f"the file store is unavailable, waiting for it: {error.message}")
        attempt.alive()
        left = attempt.time_left()
        if left <= 0:
            raise error
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(_pause_after(tries), left)):
                await attempt.cancelled.wait()
        if attempt.cancelled.is_set():
            raise Interrupted("stopped while the file store was unavailable") from error

    def _missed(self, why: str) -> None:
        self._misses += 1
        if not self._why:
            self._why = why or "no answer"
            self._unavailable.set()
            log.warning("files.unavailable", why=self._why)
            self._on_change(f"the file store is unavailable: {self._why}")

    def _answered(self) -> None:
        if self._why:
            self._why = ""
            self._unavailable.clear()
            log.info("files.back")
            self._on_change("")


def _pause_after(misses: int) -> float:
    return min(FIRST_PAUSE * 2.0 ** min(misses - 1, 16), LONGEST_PAUSE) * random.uniform(0.5, 1.0)
