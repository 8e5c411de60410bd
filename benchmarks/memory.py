"""What a waiting job takes, with 1 KB of payload."""

from collections.abc import AsyncIterator

from benchmarks.lab import Lab
from benchmarks.meter import used_memory
from benchmarks.table import Row
from benchmarks.workload import Mix, submit_all

GROUP = "memory"
COUNTS = (100_000, 1_000_000)


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """Bytes of Redis for each, at 100,000 and a million of them."""
    mix, stored = Mix(200), 0
    async with lab.queue() as store:
        store.broker.max_waiting = 10**9
        await submit_all(store, (mix.job(number, 50) for number in range(mix.classes)))
        before = await used_memory(store.link)
        for count in map(lab.scaled, COUNTS):
            await submit_all(store, mix.jobs(count - stored))
            stored = count
            each = (await used_memory(store.link) - before) / count / 1_000
            yield Row(group=GROUP, name=f"a pending job, of {count:,}", value=each, unit="KB", must=2.3, aim=1.9)
