"""Keeps one event socket open for one client id, and reads it without ever waiting for anybody."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from daemons.worker.connectors.comfyui.api import ComfyUIApi
from daemons.worker.connectors.comfyui.events import FEATURE_FLAGS, Image, SocketEvent, decode

Hear = Callable[[SocketEvent | Image], None]
REOPEN = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each try to open it again; the last one for ever."""


class Listener:
    """The socket of one prompt. `hear` must not block: one slow reader stalls the events of all clients there.

    A client id has at most one socket, and the old one is closed before the next is opened: when ComfyUI notices the
    end of an old socket late, it silences the new one. Whoever finds the socket deaf calls `renew`.
    """

    def __init__(self, api: ComfyUIApi, client_id: str, hear: Hear) -> None:
        self._api = api
        self._client_id = client_id
        self._hear = hear
        self._socket: ClientConnection | None = None
        self._tried = asyncio.Event()
        self.connected = False
        """Whether the socket is open and has said something."""

        self.connections = 0
        """How often it was opened."""

        self.breaks = 0
        """How often it ended while it was wanted: events were missed."""

    async def run(self) -> None:
        """Listen until cancelled."""
        failures = 0
        while True:
            with suppress(OSError, WebSocketException):
                await self._listen()
            failures = 0 if self.connected else failures + 1
            self.breaks += self.connected
            self.connected = False
            self._tried.set()
            await asyncio.sleep(REOPEN[min(failures, len(REOPEN) - 1)])

    async def ready(self, seconds: float) -> None:
        """Wait until the socket is open, or the first try has failed, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._tried.wait()

    async def renew(self) -> None:
        """Close the socket; it is opened again at once."""
        if self._socket is not None:
            await self._socket.close()

    async def _listen(self) -> None:
        async with self._api.listen(self._client_id) as socket:
            self._socket = socket
            try:
                await socket.send(FEATURE_FLAGS)
                async for frame in socket:
                    self._take(frame)
            finally:
                self._socket = None

    def _take(self, frame: str | bytes) -> None:
        if not self.connected:
            self.connected = True
            self.connections += 1
            self._tried.set()
        heard = decode(frame)
        if heard is not None:
            self._hear(heard)
