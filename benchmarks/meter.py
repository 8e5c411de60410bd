"""What the server says that it did: its time in functions, its longest call of one, its processor time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from benchmarks.yardstick import Yardstick
from emp_core.store import Link

SLOW_US = 300
"""Calls above it are listed one by one. At 0 the commands inside the functions would be listed too, and slow them."""


@dataclass(slots=True)
class Times:
    """Script calls of one kind, in µs of the server's time."""

    calls: int = 0
    total: int = 0
    longest: int = 0

    @property
    def mean(self) -> float:
        return self.total / self.calls if self.calls else 0.0


@dataclass(slots=True)
class Meter:
    """Server times by kind of call, from blocks of calls of one kind."""

    link: Link
    yardstick: Yardstick = field(default_factory=Yardstick)
    of: dict[str, Times] = field(default_factory=dict[str, Times])

    @asynccontextmanager
    async def block(self, kind: str) -> AsyncIterator[None]:
        """Count the functions that this block calls under `kind`. Nobody else may call functions meanwhile."""
        await self.link.call("CONFIG", "RESETSTAT")
        yield
        stats = (await self.link.client.info("commandstats")).get("cmdstat_fcall", {"calls": 0, "usec": 0})
        times = self.of.setdefault(kind, Times())
        times.calls += stats["calls"]
        times.total += stats["usec"]
        slow = await self.link.call("SLOWLOG", "GET", 100)
        calls = [entry[2] for entry in slow if entry[3][0].lower() == b"fcall"]
        if calls:
            times.longest = max(times.longest, *calls)
            await self.link.call("SLOWLOG", "RESET")
        await self.yardstick.measure(self.link)


async def meter(link: Link) -> Meter:
    """A meter on a server that nobody else uses."""
    await link.call("CONFIG", "SET", "slowlog-log-slower-than", SLOW_US)
    await link.call("SLOWLOG", "RESET")
    return Meter(link)


async def processor_seconds(link: Link) -> float:
    """What the server's process has used so far."""
    info = await link.client.info("cpu")
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])


async def used_memory(link: Link) -> int:
    """Bytes of data, as the server counts them."""
    return int((await link.client.info("memory"))["used_memory"])
