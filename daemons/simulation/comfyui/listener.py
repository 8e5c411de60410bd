"""uvicorn inside a program that has a life of its own, with connections that can be cut and frozen."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp


class Listener(uvicorn.Server):
    """Serves one app on one socket; leaves signals to the program around it."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            ws_max_size=64 << 20,
            ws_ping_interval=None,  # ComfyUI sends no pings of its own
            ws_per_message_deflate=False,
            server_header=False,
        )
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def reset(self, *, sockets_only: bool = False) -> None:
        """Drop connections without a word, as the death of a process does."""
        for connection in list(self.server_state.connections):
            if not sockets_only or _is_websocket(connection):
                connection.transport.abort()

    def freeze(self) -> None:
        """Read nothing more from anybody: pings too stay unanswered."""
        for connection in self.server_state.connections:
            connection.transport.pause_reading()

    def thaw(self) -> None:
        """Read on."""
        for connection in self.server_state.connections:
            connection.transport.resume_reading()

    def close(self) -> None:
        """Refuse new connections and drop the old."""
        for server in self.servers:
            server.close()
        self.reset()


def _is_websocket(connection: object) -> bool:
    return "websockets" in type(connection).__module__


def bind(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # unless it is said, asyncio leaves Nagle on
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound
