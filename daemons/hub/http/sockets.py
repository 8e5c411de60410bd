"""WebSockets as the hub takes them: uvicorn's, with a limit for readers that stall."""

import asyncio
from typing import Any

import structlog
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from daemons.hub.http.protocol import READ_SECONDS

log = structlog.get_logger()


class BoundedSocket(WebSocketsSansIOProtocol):
    """One socket."""

    _unread: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """The other side reads more slowly than the hub sends."""
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(READ_SECONDS, self._cut_off)

    def resume_writing(self) -> None:
        self._stop_waiting_for_reader()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting_for_reader()
        super().connection_lost(exc)

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()  # a reader that stalls finds the code behind what it has not read
        await super().send(message)

    def _cut_off(self) -> None:
        """A close would wait for the other side to read the rest."""
        log.info("ws.unread", seconds=READ_SECONDS, client=self.client[0] if self.client else "")
        self.transport.abort()

    def _stop_waiting_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
