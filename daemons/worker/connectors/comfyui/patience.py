"""How long a server that does not answer is believed to come back."""

import asyncio

from daemons.worker.connectors.comfyui import outcome
from daemons.worker.connectors.comfyui.api import ApiError, Unanswered, Unreachable
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from emp_core.clock import Clock


class Patience:
    """One outage at a time: each failed call is endured, each good one ends it."""

    def __init__(self, settings: ComfyUISettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._since: float | None = None
        self.was_away = False
        """Whether it ever refused a connection: it may have restarted."""

    def over(self) -> None:
        """It answered."""
        self._since = None

    async def endure(self, error: ApiError) -> None:
        """Wait a moment. Raises `JobFailed` once it has been too long."""
        now = self._clock.monotonic()
        self._since = now if self._since is None else self._since
        self.was_away = self.was_away or isinstance(error, Unreachable)
        frozen = isinstance(error, Unanswered)
        most = self._settings.freeze_seconds if frozen else self._settings.outage_seconds
        if now - self._since >= most:
            raise outcome.unreachable(now - self._since, error) from error
        await asyncio.sleep(self._settings.poll_seconds)
