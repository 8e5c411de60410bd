"""How fast this machine is at the moment: the least that a claim could be, a script of three commands.

A shared machine may be two or three times slower than an hour ago. So the yardstick is taken in between, again and
again, while the rest is measured, and the bars of what Redis does are multiples of it.
"""

import hashlib
import statistics
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from benchmarks.lab import Lab
from benchmarks.table import Row, number
from emp_core.store import Link

GROUP = "yardstick"
UNIT = "yardsticks"
CLAIM, SUBMIT, COMPLETE = (9, 6), (5.5, 4), (4.5, 3.5)
"""Bars: must, aim."""

LONGEST = 1_250
"""No call may keep the others waiting for more yardsticks than these."""

KEY = "yardstick"
WAITING = 100_000
CALLS = 20
AROUND = 50
"""So often before and after what has no calls to measure it in between."""

LEAST_CLAIM = """
local id, score = unpack(redis.call('ZPOPMIN', KEYS[1]))
redis.call('HSET', KEYS[1] .. id, 'state', 'active', 'worker', 'w', 'attempt', '1')
redis.call('ZADD', KEYS[1] .. 'leases', score, id)
return id
"""
_SHA = hashlib.sha1(LEAST_CLAIM.encode()).hexdigest()


@dataclass(slots=True)
class Yardstick:
    """A script of three commands, in calls one after the other as those that it stands beside."""

    blocks: list[float] = field(default_factory=list[float])
    """µs of a call, the mean of each block."""

    @property
    def usual_us(self) -> float:
        """Of one call."""
        return statistics.median(self.blocks)

    async def measure(self, link: Link, times: int = 1) -> None:
        """Once more; leaves its keys, and the server's statistics at zero."""
        if not await link.client.zcard(KEY):
            await link.client.script_load(LEAST_CLAIM)
            for first in range(0, WAITING, 1_000):
                await link.client.zadd(KEY, {f"job-{number:06}": number for number in range(first, first + 1_000)})
        for _ in range(times):
            await link.client.config_resetstat()
            for _ in range(CALLS):
                await link.client.evalsha(_SHA, 1, KEY)
            stats = (await link.client.info("commandstats"))["cmdstat_evalsha"]
            self.blocks.append(stats["usec"] / stats["calls"])
            await link.client.config_resetstat()


Bars = tuple[float | None, float | None]
"""Must, aim."""


def in_yardsticks(
    group: str,
    name: str,
    microseconds: float,
    yardstick: Yardstick,
    bars: Bars = (None, None),
    *,
    measured: str = "",
    note: str = "",
) -> Row:
    """A time against the yardstick that was taken beside it."""
    must, aim = bars
    value, measured = microseconds / yardstick.usual_us, measured or f"{number(microseconds)} µs"
    return Row(group=group, name=name, value=value, unit=UNIT, must=must, aim=aim, measured=measured, note=note)


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """The mean, by itself."""
    async with lab.queue() as store:
        yardstick = Yardstick()
        await yardstick.measure(store.link, 100)
    yield Row(group=GROUP, name="a script of ZPOPMIN, HSET, ZADD", value=yardstick.usual_us, unit="µs")
