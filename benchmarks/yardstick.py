"""How fast this machine is at the moment: the least that a claim could be, to compare figures of two runs by."""

from collections.abc import AsyncIterator

from benchmarks.lab import Lab
from benchmarks.meter import meter
from benchmarks.table import Row

GROUP = "yardstick"
JOBS = 100_000
TOGETHER = 16
LEAST_CLAIM = """
local id, score = unpack(redis.call('ZPOPMIN', KEYS[1]))
redis.call('HSET', KEYS[1] .. id, 'state', 'active', 'worker', 'w', 'attempt', '1')
redis.call('ZADD', KEYS[1] .. 'leases', score, id)
return id
"""


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """The mean of a script of three commands, 16 in one write."""
    async with lab.queue() as store:
        client = store.link.client
        for first in range(0, JOBS, 1_000):
            await client.zadd("yardstick", {f"job-{n}": n for n in range(first, first + 1_000)})
        sha = await client.script_load(LEAST_CLAIM)
        times = await meter(store.link)
        async with times.block("claim"):
            for _ in range(1_000):
                pipeline = client.pipeline(transaction=False)
                for _ in range(TOGETHER):
                    pipeline.evalsha(sha, 1, "yardstick")
                await pipeline.execute()
    note = "4 µs where the bars were set, on an idle machine"
    yield Row(group=GROUP, name="a script of ZPOPMIN, HSET, ZADD", value=times.of["claim"].mean, unit="µs", note=note)
