"""Follows a prompt to its end: by what the socket says, and by asking.

The socket only hints; the history is the truth. But pictures that are sent over the socket are complete only at its
end event. A prompt that is in neither history nor queue, and then again not
in the history, is lost: the order matters, because what ends moves from the queue to the history.
"""

import asyncio
from contextlib import suppress

from daemons.worker.connector import JobContext
from daemons.worker.connectors.comfyui import outcome
from daemons.worker.connectors.comfyui.answers import Entry
from daemons.worker.connectors.comfyui.api import ApiError, ComfyUIApi
from daemons.worker.connectors.comfyui.events import Image, SocketEvent
from daemons.worker.connectors.comfyui.line import Line
from daemons.worker.connectors.comfyui.listener import Listener
from daemons.worker.connectors.comfyui.others import Others
from daemons.worker.connectors.comfyui.patience import Patience
from daemons.worker.connectors.comfyui.settings import ComfyUISettings
from daemons.worker.connectors.comfyui.stopping import holds, runs
from daemons.worker.connectors.comfyui.tracker import Tracker
from emp_core.clock import Clock

SETTLING = 0.05
"""Seconds to the second look after the end; doubles up to a second."""

CALM = 5
"""How many times rarer the polls are while the socket tells."""

DOUBTS = 2
"""Polls in a row that must contradict the socket before it counts as deaf."""


class Watch:
    """One prompt's. Hears what its listener hears, from the first moment on."""

    def __init__(
        self,
        api: ComfyUIApi,
        settings: ComfyUISettings,
        clock: Clock,
        context: JobContext,
        others: Others,
        tracker: Tracker,
        patience: Patience,
        client_id: str,
    ) -> None:
        self._api = api
        self._settings = settings
        self._clock = clock
        self._context = context
        self._tracker = tracker
        self._patience = patience
        self._client_id = client_id
        self.listener = Listener(api, client_id, self._hear)
        self._stir = asyncio.Event()
        self._heard_on = 0
        self._ended_at: float | None = None
        self._pause = SETTLING
        self._doubts = 0
        self.line = Line(settings, clock, context, others)
        self._told = (0.0, "", "")

    async def to_end(self) -> Entry:
        """What the history says once the prompt has ended. Raises `JobFailed` if the prompt is lost."""
        while True:
            self._stir.clear()
            try:
                entry = await self._look()
                self._patience.over()
            except ApiError as error:
                await self._patience.endure(error)
                continue
            if entry is not None:
                await self._hear_out()
                return entry
            await self._rest()

    def _hear(self, heard: SocketEvent | Image) -> None:
        if not self._tracker.hear(heard):
            return
        self._heard_on = self.listener.connections
        if self._tracker.preview is not None:
            self._context.preview(self._tracker.preview.data, self._tracker.preview.media_type)
            self._tracker.preview = None
        self._report()
        if self._tracker.ended and self._ended_at is None:
            self._ended_at = self._clock.monotonic()
            self._stir.set()

    def _report(self) -> None:
        tracker = self._tracker
        told = (round(tracker.percent, 1), tracker.step, tracker.class_type)
        if told == self._told:
            self._context.alive()
            return
        self._told = told
        self._context.progress(told[0], f"step {tracker.step}" if tracker.step else "", tracker.class_type)

    async def _rest(self) -> None:
        """Until the next look is due, or the socket says that it is over."""
        if self._ended_at is not None:
            seconds, self._pause = self._pause, min(1.0, 2 * self._pause)
        else:
            seconds = self._settings.poll_seconds * (CALM if self._followed else 1)
        await self._wait_for_end(seconds)

    async def _wait_for_end(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stir.wait()

    async def _hear_out(self) -> None:
        """Wait for pictures that are still on their way: the history may answer before the socket's frames are read.

        The end event follows the last picture. A socket that breaks or stays silent brings no more of them.
        """
        until = self._clock.monotonic() + self._settings.settle_seconds
        while self._tracker.keeps and self.listener.connected and not self._tracker.ended:
            if self._clock.monotonic() >= until:
                return
            await self._wait_for_end(self._settings.poll_seconds)

    @property
    def _followed(self) -> bool:
        """Whether the open socket is known to tell of this prompt."""
        return self.listener.connected and self._tracker.started and self._heard_on == self.listener.connections

    @property
    def _settling(self) -> bool:
        """Whether its end was heard so lately that the history may not have it yet."""
        if self._ended_at is None:
            return False
        return self._clock.monotonic() - self._ended_at < self._settings.settle_seconds

    async def _look(self) -> Entry | None:
        entry = await self._read_history()
        if entry is not None or self._settling:
            return entry
        if self._followed and self._ended_at is None:
            await self._doubt(self._tracker.remaining != await self._api.remaining())
            return None
        return await self._look_in_queue()

    async def _look_in_queue(self) -> Entry | None:
        queue = await self._api.queue()
        if not holds(queue, self._tracker.prompt_id):
            return await self._look_again()
        running = runs(queue, self._tracker.prompt_id)
        if running:
            self.line.leave()
            self._context.alive()  # nothing can be heard of it: that it runs is all there is
        elif self.line.stand(queue, self._tracker.prompt_id):
            # It may begin at this very moment: whether it did is what the next look tells.
            await self._api.delete(self._tracker.prompt_id)
            return None
        silent = running and not self._tracker.started
        await self._doubt(self.listener.connected and (silent or self._tracker.remaining != len(queue)))
        return None

    async def _read_history(self) -> Entry | None:
        entry = await self._api.history(self._tracker.prompt_id)
        return entry if entry is not None and entry.is_of(self._client_id) else None

    async def _look_again(self) -> Entry:
        entry = await self._read_history()
        if entry is None and self.line.given_up and not (self._tracker.started or self._patience.was_away):
            raise self.line.too_long()
        if entry is None:
            restarted = self._patience.was_away or self.listener.breaks > 0
            raise outcome.lost(self._tracker.prompt_id, restarted=restarted)
        return entry

    async def _doubt(self, contradicted: bool) -> None:
        """Open the socket anew once the polls have contradicted it often enough."""
        self._doubts = self._doubts + 1 if contradicted else 0
        if self._doubts >= DOUBTS:
            self._doubts = 0
            self._context.log("the event socket is silent while ComfyUI works: reopening it")
            await self.listener.renew()
