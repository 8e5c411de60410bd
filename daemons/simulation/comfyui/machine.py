"""What the work and the endpoints of one server process share."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from daemons.simulation.comfyui.disk import Disk
from daemons.simulation.comfyui.faults import Faults
from daemons.simulation.comfyui.options import Options
from emp_core.clock import Clock

Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Machine:
    """The state that dies with the process, and what it runs on."""

    options: Options
    disk: Disk
    faults: Faults
    clock: Clock
    sleep: Sleep
    chance: random.Random
    number: int = 0
    """The number that the next prompt gets."""

    interrupted: bool = False
    """The flag that an interrupt sets and the start of the next prompt clears."""

    client: str | None = None
    """Whose prompt runs, or ran last."""

    node: str | None = None
    """The node that runs."""

    awake: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared while a node holds the GIL."""

    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set as the process dies."""

    _pulse: asyncio.Event = field(default_factory=asyncio.Event)
    _stir: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.awake.set()

    def interrupt(self) -> None:
        """What `/interrupt` does."""
        self.interrupted = True
        if not self.faults.deaf:
            self._stir.set()

    @property
    def stopped(self) -> bool:
        """Whether a node that looks must stop."""
        return self.interrupted and not self.faults.deaf

    def release(self) -> None:
        """End whatever is held now."""
        self._pulse.set()
        self._pulse = asyncio.Event()
        self._stir.set()

    def die(self) -> None:
        """End this life; nothing waits any longer."""
        self.ended.set()
        self.awake.set()
        self.release()

    async def held(self) -> None:
        """Wait until released, or as long as the faults last."""
        await self._wait(self._pulse)

    async def waited(self) -> None:
        """Wait until released or interrupted, or as long as the faults last."""
        self._stir.clear()
        await self._wait(self._stir)

    async def _wait(self, event: asyncio.Event) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.faults.lasts):
                await event.wait()
