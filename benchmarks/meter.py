"""What the server says that it did: its time in functions, its longest call of one, its processor time."""

import statistics
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from benchmarks.table import Row
from benchmarks.yardstick import LONGEST, Bars, Yardstick, in_yardsticks
from emp_core.store import Link

SLOW_US = 300
"""Calls above it are listed one by one. At 0 the commands inside the functions would be listed too, and slow them."""


@dataclass(slots=True)
class Times:
    """Calls of one kind, in µs of the server's time."""

    blocks: list[float] = field(default_factory=list[float])
    """The mean of each block of calls."""

    longest: int = 0

    @property
    def usual(self) -> float:
        """The median of the blocks: another program on the server's core holds some of them up."""
        return statistics.median(self.blocks)


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
        if stats["calls"]:
            times.blocks.append(stats["usec"] / stats["calls"])
        slow = await self.link.call("SLOWLOG", "GET", 100)
        calls = [entry[2] for entry in slow if entry[3][0].lower() == b"fcall"]
        if calls:
            times.longest = max(times.longest, *calls)
            await self.link.call("SLOWLOG", "RESET")
        await self.yardstick.measure(self.link)

    def row(self, group: str, name: str, kind: str, bars: Bars = (None, None)) -> Row:
        """The usual time of one kind of call."""
        return in_yardsticks(group, name, self.of[kind].usual, self.yardstick, bars)


def longest(group: str, meters: Mapping[str, Meter]) -> Row:
    """The one call that kept the others waiting longest, and which it was."""
    times, which, yardstick = max(
        (
            (times.longest, f"{kind}, {name}", one.yardstick)
            for name, one in meters.items()
            for kind, times in one.of.items()
        ),
        key=lambda found: found[0] / found[2].usual_us,
    )
    measured = f"{times / 1_000:.3g} ms"
    return in_yardsticks(group, "longest call", times, yardstick, (LONGEST, None), measured=measured, note=which)


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
