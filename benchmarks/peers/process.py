"""Starts a driver, gives it an order, and reads its answers."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import IO, Any

import psutil

from benchmarks.peers.driving import Order
from benchmarks.peers.environment import Command

ANSWER_SECONDS = 300
MAX_LINE_BYTES = 1 << 22
LAST_LINES = 8


class DriverFailed(Exception):
    """A driver ended without an answer, or gave none in time."""


class DriverProcess:
    """A driver that carries out an order."""

    def __init__(self, process: asyncio.subprocess.Process, errors: IO[bytes]) -> None:
        self._process = process
        self._errors = errors

    async def answer(self, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """The next line of its stdout. Raises `DriverFailed`, and `TimeoutError` if there is none in time."""
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
        if not line:
            await self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").splitlines()[-LAST_LINES:]
            raise DriverFailed("\n".join([f"the driver ended with exit code {self._process.returncode}:", *said]))
        answer: dict[str, Any] = json.loads(line)
        return answer

    def freeze(self) -> None:
        """Stop the process and its children, as a machine that hangs does."""
        for process in self._tree():
            process.suspend()

    def thaw(self) -> None:
        """Let them go on."""
        for process in self._tree():
            process.resume()

    async def end(self) -> None:
        """Kill the process and its children."""
        with suppress(psutil.NoSuchProcess):  # it ended by itself
            for process in self._tree():
                process.kill()
        await self._process.wait()

    def _tree(self) -> list[psutil.Process]:
        root = psutil.Process(self._process.pid)
        return [root, *root.children(recursive=True)]


@asynccontextmanager
async def driver(command: Command, order: Order) -> AsyncIterator[DriverProcess]:
    """A driver with its order, killed at the end."""
    with tempfile.TemporaryFile() as errors:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command.arguments, cwd=command.folder, stdin=pipe, stdout=pipe, stderr=errors, limit=MAX_LINE_BYTES
        )
        running = DriverProcess(process, errors)
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
            yield running
        finally:
            await running.end()


async def ask(command: Command, order: Order) -> dict[str, Any]:
    """The one answer of a driver whose order ends by itself."""
    async with driver(command, order) as running:
        return await running.answer()
