"""The event sockets: who listens under which client id, and the one loop that sends to all of them in turn."""

import asyncio
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from daemons.simulation.comfyui.images import Picture, encode_png

PREVIEW = 1
PREVIEW_WITH_METADATA = 4
PNG = 2
METADATA_FLAG = "supports_preview_metadata"
Message = str | bytes


def event(kind: str, data: Mapping[str, Any]) -> str:
    """A JSON frame."""
    return json.dumps({"type": kind, "data": data})


def plain_preview(picture: Picture) -> bytes:
    """A binary frame that does not say whose picture it is."""
    return struct.pack(">II", PREVIEW, PNG) + encode_png(picture)


def labelled_preview(picture: Picture, metadata: Mapping[str, Any]) -> bytes:
    """A binary frame that names prompt and node."""
    label = json.dumps({**metadata, "image_type": "image/png"}).encode()
    return struct.pack(">II", PREVIEW_WITH_METADATA, len(label)) + label + encode_png(picture)


class Sockets:
    """At most one socket per client id. Sends one by one without timeout: one reader that stops stops all."""

    def __init__(self, greeting: Callable[[str], list[str]], features: Mapping[str, Any], awake: asyncio.Event) -> None:
        self._greeting = greeting
        self._features = features
        self._awake = awake
        self._open: dict[str, WebSocket] = {}
        self._flags: dict[str, Mapping[str, Any]] = {}
        self._outbox: asyncio.Queue[tuple[Message, str | None]] = asyncio.Queue()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.opened = 0

    def send(self, message: Message, client: str | None) -> None:
        """Queue a frame for one client, or for all."""
        self._outbox.put_nowait((message, client))

    def labels(self, client: str | None) -> bool:
        """Whether a client asked for previews that name their prompt."""
        return client is not None and bool(self._flags.get(client, {}).get(METADATA_FLAG))

    async def publish(self) -> None:
        """Deliver what is queued, for ever."""
        while True:
            message, client = await self._outbox.get()
            await self._awake.wait()
            await self.flowing.wait()
            await self._deliver(message, client)

    async def _deliver(self, message: Message, client: str | None) -> None:
        targets = list(self._open.values()) if client is None else [self._open.get(client)]
        for socket in targets:
            if socket is None:
                continue
            try:
                await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_text(message))
            except (WebSocketDisconnect, RuntimeError):
                continue  # it closed meanwhile; starlette raises RuntimeError for a socket it knows to be closed

    async def serve(self, socket: WebSocket, client: str) -> None:
        """One connection, from its opening to its end.

        The end of an older connection takes away the newer one of the same id, which then stays open and silent:
        ComfyUI does so.
        """
        await socket.accept()
        self.opened += 1
        self._open[client] = socket
        self._flags[client] = {}
        try:
            for message in self._greeting(client):
                await self._deliver(message, client)
            await self._read(socket, client)
        finally:
            self._open.pop(client, None)
            self._flags.pop(client, None)

    async def _read(self, socket: WebSocket, client: str) -> None:
        first = True
        while True:
            try:
                message = json.loads(await socket.receive_text())
            except ValueError:
                continue
            except WebSocketDisconnect:
                return
            if first and message.get("type") == "feature_flags":
                self._flags[client] = message.get("data", {})
                await self._deliver(event("feature_flags", self._features), client)
            first = False
