"""Signals that end a command which has to clean up after itself."""

import asyncio
import signal
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Self

from emp_cli.output import terminal
from emp_core.errors import EmpError

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Ctrl-C, SIGTERM and a closed terminal cut the work short, but not the cleaning up after it."""

    def __init__(self, farewell: str) -> None:
        self._farewell = farewell
        """What is said once the work is cut short."""

        self.number = 0
        """Of the first that came."""

        self._heard = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup
        self._working: asyncio.Task[Any] | None = None

    def __enter__(self) -> Self:
        for number in self._heard:
            asyncio.get_running_loop().add_signal_handler(number, self._hear, number)
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._heard:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _hear(self, number: int) -> None:
        if self.number:
            return
        self.number = number
        if self._working is not None:
            self._working.cancel()

    async def heed(self, work: Awaitable[None]) -> None:
        """Does it, to its end or to a signal; what it fails with after a signal does not matter."""
        task = self._working = asyncio.current_task()
        try:
            await work
        except (asyncio.CancelledError, EmpError, OSError):
            if task is None or not self.number:
                raise
            task.uncancel()
            # The terminal may be gone.
            with suppress(OSError):
                terminal.note(self._farewell)
        finally:
            self._working = None
