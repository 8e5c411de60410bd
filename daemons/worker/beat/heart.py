"""The agent's end of its pulse: it says what to beat for, and hears what came of it."""

import asyncio
import dataclasses
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog

from daemons.worker.beat.pulse import Answer, Held, Pulse
from emp_core.clock import Clock
from emp_core.store import Broker, Life

log = structlog.get_logger()

RESPAWN_SECONDS = 0.5
MAX_LINE_BYTES = 1 << 20


class Heart(Protocol):
    """What an agent tells the beat process."""

    async def run(self) -> None:
        """Beat, from the first `live` on, until cancelled."""
        ...

    def live(self, life: Life) -> None:
        """Beat in this life from now on; the first beat follows at once."""
        ...

    def keep(self, claims: Iterable[Held], gone: Iterable[str] = ()) -> None:
        """Beat for these claims too, and no more for those of the nonces that are gone."""
        ...

    def tell(self, services: str) -> None:
        """Send this text of the services with the next beats."""
        ...

    def tell_memory(self, memory: str) -> None:
        """Send this text of the GPUs' memory with the next beat."""
        ...


class TaskHeart:
    """A pulse in the agent's own loop, for connectors that are known not to block it."""

    def __init__(self, broker: Broker, clock: Clock, on_answer: Callable[[Answer], None]) -> None:
        self._pulse = Pulse(broker, clock, on_answer)

    async def run(self) -> None:
        await self._pulse.run()

    def live(self, life: Life) -> None:
        self._pulse.live(life)

    def keep(self, claims: Iterable[Held], gone: Iterable[str] = ()) -> None:
        self._pulse.keep(claims, gone)

    def tell(self, services: str) -> None:
        self._pulse.tell(services)

    def tell_memory(self, memory: str) -> None:
        self._pulse.tell_memory(memory)


class ProcessHeart:
    """A pulse in a process of its own: a connector that holds the interpreter for a minute costs no lease."""

    def __init__(self, url: str, prefix: str, on_answer: Callable[[Answer], None]) -> None:
        self._queue = {"url": url, "prefix": prefix}
        self._on_answer = on_answer
        self._life: dict[str, Any] | None = None
        self._services = ""
        self._memory = ""
        self._held: dict[str, Held] = {}
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Keep a process that beats; one that dies is replaced."""
        while True:
            try:
                log.warning("pulse.died", code=await self._run_one())
            except OSError as error:  # no memory or no process to be had; leases last for a while
                log.warning("pulse.not_started", why=str(error))
            await asyncio.sleep(RESPAWN_SECONDS)

    @property
    def pid(self) -> int | None:
        """The process that beats; None between two."""
        return self._process.pid if self._process is not None else None

    def live(self, life: Life) -> None:
        self._life = dataclasses.asdict(life)
        self._write({"life": self._life})

    def keep(self, claims: Iterable[Held], gone: Iterable[str] = ()) -> None:
        more = list(claims)
        dropped = [nonce for nonce in gone if self._held.pop(nonce, None)]
        if more or dropped:
            self._held |= {claim.nonce: claim for claim in more}
            self._write({"hold": more, "drop": dropped})

    def tell(self, services: str) -> None:
        self._services = services
        self._write({"services": services})

    def tell_memory(self, memory: str) -> None:
        self._memory = memory
        self._write({"memory": memory})

    async def _run_one(self) -> int:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *_command(), stdin=pipe, stdout=pipe, start_new_session=True, limit=MAX_LINE_BYTES
        )
        self._process = process
        try:
            self._write({"queue": self._queue})
            known = {"services": self._services, "memory": self._memory}
            self._write({"life": self._life, **known, "hold": list(self._held.values())})
            assert process.stdout is not None
            async for line in process.stdout:
                self._on_answer(Answer(**json.loads(line)))
            return await process.wait()
        finally:
            self._process = None
            if process.returncode is None:
                process.kill()
                await process.communicate()

    def _write(self, message: dict[str, Any]) -> None:
        """Never blocks: what a full pipe does not take waits in this process."""
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(message).encode() + b"\n")


def _command() -> list[str]:
    """Finds modules where this process does, and never in the working directory, which may hold anything."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from daemons.worker.beat.pulse_process import main; main()"
    return [sys.executable, "-P", "-c", code]
