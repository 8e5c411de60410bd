"""How soon an idle worker in another process has a job that was just submitted."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from benchmarks.lab import Lab
from benchmarks.table import Row
from benchmarks.workload import Worker, job, offer
from benchmarks.yardstick import AROUND, Yardstick, in_yardsticks
from emp_core.store import Store, open_store

GROUP = "waking"
SAMPLES = 500
PAUSE_SECONDS = 0.02
WAITER = "sleeper"


async def measure(lab: Lab) -> AsyncIterator[Row]:
    """From the call of submit to the answer of the claim, one job each 20 ms."""
    samples = lab.scaled(SAMPLES)
    async with lab.queue() as store:
        yardstick = Yardstick()
        await yardstick.measure(store.link, AROUND)
        command = (sys.executable, "-m", "benchmarks.waking", store.url, str(samples))
        sleeper = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert sleeper.stdout is not None
        await sleeper.stdout.readline()
        request = job(0)
        for _ in range(samples):
            await asyncio.sleep(PAUSE_SECONDS)
            await store.broker.submit(replace(request, payload={"at": time.monotonic_ns()}))
        times: list[float] = json.loads(await sleeper.stdout.read())
        await sleeper.wait()
        await yardstick.measure(store.link, AROUND)
    cuts = statistics.quantiles(times, n=100)
    for name, ms, bars in (("p50", cuts[49], (375, 250)), ("p99", cuts[98], (1_500, 750))):
        name = f"submit to claimed, {name}"
        yield in_yardsticks(GROUP, name, ms * 1_000, yardstick, bars, measured=f"{ms:.3g} ms")


async def _sleep_and_claim(store: Store, samples: int) -> list[float]:
    worker = await Worker.start(store, "worker", offer([0]), waiter=WAITER)
    blocking = store.blocking_link()
    times: list[float] = []
    turn = await worker.turn(slots=1)
    print("ready", flush=True)
    while len(times) < samples:
        for token in await store.registry.wait_for_token(WAITER, 10, blocking):
            turn = await worker.turn(slots=1, token=token.split()[1])
            now = time.monotonic_ns()
            times += [(now - json.loads(claim.body or b"")["payload"]["at"]) / 1e6 for claim in turn.claimed]
            await worker.turn(turn.claimed, slots=1)
    await blocking.close()
    return times


async def _main() -> None:
    """The worker's process."""
    store = await open_store(sys.argv[1])
    print(json.dumps(await _sleep_and_claim(store, int(sys.argv[2]))))
    await store.close()


if __name__ == "__main__":
    asyncio.run(_main())
