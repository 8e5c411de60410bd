"""A proxy before a server that counts what a client asks of it: trips there and back, and commands."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import hiredis

from tests.support.redis_server import Server

CHUNK = 1 << 24


@dataclass(slots=True)
class Trips:
    """What was counted so far, over all connections."""

    url: str
    """Of the proxy."""

    trips: int = 0
    """Times that a client sent something while it waited for no answer."""

    commands: int = 0
    connections: int = 0

    def begin(self) -> None:
        """Count from now on."""
        self.trips = self.commands = self.connections = 0


@asynccontextmanager
async def counted(server: Server, directory: Path) -> AsyncGenerator[Trips]:
    """Count what goes to a server through a socket in this directory."""
    path = directory / "proxy.sock"
    found = Trips(f"unix://{path}")
    open_now: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_Pair(found, server).run(reader, writer))
        open_now.add(task)
        task.add_done_callback(open_now.discard)

    listening = await asyncio.start_unix_server(accept, path)
    try:
        yield found
    finally:
        listening.close()
        for task in list(open_now):
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)


class _Pair:
    """One connection, and the one behind it."""

    def __init__(self, found: Trips, server: Server) -> None:
        self._found = found
        self._server = server
        self._unanswered = 0

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._found.connections += 1
        from_server, to_server = await asyncio.open_unix_connection(self._server.socket)
        try:
            async with asyncio.TaskGroup() as group:
                answers = group.create_task(self._answer(from_server, writer))
                await self._ask(reader, to_server)
                answers.cancel()
        finally:
            to_server.close()
            writer.close()

    async def _ask(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        words = hiredis.Reader()
        while chunk := await source.read(CHUNK):
            words.feed(chunk)
            self._found.trips += self._unanswered == 0
            asked = _count(words)
            self._found.commands += asked
            self._unanswered += asked
            target.write(chunk)

    async def _answer(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        answers = hiredis.Reader()
        while chunk := await source.read(CHUNK):
            answers.feed(chunk)
            self._unanswered -= _count(answers)
            target.write(chunk)


def _count(reader: hiredis.Reader) -> int:
    """How many whole texts there are to read."""
    count = 0
    while reader.gets() is not False:  # no text of ours is false
        count += 1
    return count
