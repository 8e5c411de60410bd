"""How slow this machine is at the moment: the least that a claim could be, against where the bars were set.

A shared machine may be two or three times slower than an hour ago. So the yardstick is taken in between, again and
again, while the rest is measured, and every row says its figure as measured and as it would be at the yardstick's 4 µs.
"""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from benchmarks.lab import Lab
from benchmarks.table import Row
from emp_core.store import Link

GROUP = "yardstick"
REFERENCE_US = 4.0
"""Where the bars were set: redis 7.0 on an idle core, new keys all the while."""

KEY = "yardstick"
WAITING = 100_000
CALLS = 32
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
    """A script of three commands, 32 in one write, as often as one likes."""

    calls: int = 0
    total_us: int = 0

    @property
    def slowness(self) -> float:
        """1 where the bars were set, 2 on a machine that takes twice as long."""
        return self.total_us / self.calls / REFERENCE_US if self.calls else 1.0

    async def measure(self, link: Link, times: int = 1) -> None:
        """Once more; leaves its keys, and the server's statistics at zero."""
        if not await link.client.zcard(KEY):
            await link.client.script_load(LEAST_CLAIM)
            for first in range(0, WAITING, 1_000):
                await link.client.zadd(KEY, {f"job-{number:06}": number for number in range(first, first + 1_000)})
        for _ in range(times):
            pipeline = link.client.pipeline(transaction=False)
            pipeline.config_resetstat()
            for _ in range(CALLS):
                pipeline.evalsha(_SHA, 1, KEY)
            pipeline.info("commandstats")
            pipeline.config_resetstat()
            stats = (await pipeline.execute())[-2]["cmdstat_evalsha"]
            self.calls += stats["calls"]
            self.total_us += stats["usec"]


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """The mean, by itself."""
    async with lab.queue() as store:
        yardstick = Yardstick()
        await yardstick.measure(store.link, 100)
    value = yardstick.total_us / yardstick.calls
    yield Row(group=GROUP, name="a script of ZPOPMIN, HSET, ZADD", value=value, unit="µs", slowness=yardstick.slowness)
