"""A proxy between a worker and its queue that loses answers, goes silent, is slow, or hangs up, as it is told."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CHUNK = 65_536
Gates = tuple[asyncio.Event, ...]


class Proxy:
    """A unix socket in front of another."""

    def __init__(self, path: Path, target: Path) -> None:
        self.path = path
        self._target = target
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._alive = asyncio.Event()
        """Set for ever, but for connections that are frozen."""

        self._alive.set()
        self._lose_answer: Callable[[bytes], bool] | None = None
        self._lose_every = self._cut_every = 0
        self._wanted = self._carried = 0
        self.delay = 0.0
        """Seconds that every answer takes longer."""

        self.requests: list[bytes] = []
        self.lost_answers = self.cuts = 0

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def blackhole(self) -> None:
        """From now on nothing comes through, in neither direction, and nobody is told."""
        self._open.clear()

    def heal(self) -> None:
        """Everything comes through again, what was held back first."""
        self._open.set()

    def freeze(self) -> None:
        """Connections that are open now are dead, and nobody is told; new ones are well. A router that forgot them."""
        self._alive.clear()
        self._alive = asyncio.Event()
        self._alive.set()

    def cut(self) -> None:
        """Hang up on everybody."""
        self.cuts += 1
        for connection in self._connections:
            connection.cancel()

    def lose_answer_to(self, wanted: Callable[[bytes], bool]) -> None:
        """The next request that is wanted is passed on; instead of its answer the connection ends."""
        self._lose_answer, self._lose_every = wanted, 0

    def lose_answers_to(self, wanted: Callable[[bytes], bool], *, every: int) -> None:
        """The same of one in so many of the requests that are wanted, from now on."""
        self._lose_answer, self._lose_every = wanted, every

    def cut_every(self, answers: int) -> None:
        """Hang up on everybody after so many answers, again and again."""
        self._cut_every = answers

    def _loses(self, request: bytes) -> bool:
        if self._lose_answer is None or not self._lose_answer(request):
            return False
        if not self._lose_every:
            self._lose_answer = None
            return True
        self._wanted += 1
        return self._wanted % self._lose_every == 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        ends = [writer]
        try:
            with suppress(asyncio.CancelledError, OSError):
                far_reader, far_writer = await asyncio.open_unix_connection(str(self._target))
                ends.append(far_writer)
                await self._join(reader, writer, far_reader, far_writer)
        finally:
            self._connections.discard(task)
            for end in ends:
                end.transport.abort()

    async def _join(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far_writer: asyncio.StreamWriter,
    ) -> None:
        """Carry both ways until either end hangs up."""
        deaf, gates = asyncio.Event(), (self._open, self._alive)
        ways = [
            asyncio.ensure_future(self._carry_requests(reader, far_writer, deaf, gates)),
            asyncio.ensure_future(self._carry_answers(far_reader, writer, deaf, gates)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event, gates: Gates
    ) -> None:
        while data := await reader.read(CHUNK):
            for gate in gates:
                await gate.wait()
            self.requests.append(data)
            if self._loses(data):
                deaf.set()
            writer.write(data)
            await writer.drain()

    async def _carry_answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event, gates: Gates
    ) -> None:
        while data := await reader.read(CHUNK):
            for gate in gates:
                await gate.wait()
            if deaf.is_set():
                self.lost_answers += 1
                return
            if self.delay:
                await asyncio.sleep(self.delay)
            writer.write(data)
            await writer.drain()
            self._carried += 1
            if self._cut_every and self._carried % self._cut_every == 0:
                self.cut()
