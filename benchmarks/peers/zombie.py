"""What a peer does with a result that comes after the lease, the lock or the visibility timeout.

Worker A starts a job and is frozen. Worker B may get the job meanwhile. Then A goes on and reports its own result.
"""

import asyncio
import time
from dataclasses import replace

from benchmarks.peers.driving import Order
from benchmarks.peers.environment import Command
from benchmarks.peers.peers import Peer
from benchmarks.peers.process import DriverFailed, DriverProcess, ask, driver
from benchmarks.peers.servers import running

LEASE_SECONDS = 5
HOLD_SECONDS = 2
AGAIN_SECONDS = 100
"""How long B waits for the job."""

LATE_SECONDS = 10
SETTLE_SECONDS = 3


async def try_zombie(peer: Peer, command: Command) -> str:
    """What happened, in words."""
    with running(peer.server) as server:
        other = Order(do="work", url=server.url, jobs=1, slots=1, worker="B", lease_seconds=LEASE_SECONDS)
        submit = Order(do="submit", url=server.url, jobs=1, priorities=peer.priorities, lease_seconds=LEASE_SECONDS)
        async with driver(command, replace(other, worker="A", hold_seconds=HOLD_SECONDS)) as first:
            job = (await ask(command, submit))["id"]
            await first.answer()
            first.freeze()
            frozen = time.monotonic()
            async with driver(command, other) as second:
                again = time.monotonic() - frozen if await _runs(second, AGAIN_SECONDS) else None
                await asyncio.sleep(SETTLE_SECONDS)
                asked = Order(do="result", url=server.url, id=job)
                before = (await ask(command, asked))["result"]
                first.thaw()
                late = await _ends(first)
                await asyncio.sleep(SETTLE_SECONDS)
                after = (await ask(command, asked))["result"]
    return in_words(peer, again, before, after, late=late)


def in_words(peer: Peer, again: float | None, before: object, after: object, *, late: bool) -> str:
    """What the results before and after A went on say."""
    run = f"not run again within {AGAIN_SECONDS} s" if again is None else f"run again after {again:.0f} s"
    if peer.server == "rabbitmq":
        return f"{run}; it keeps no results"
    if not late:
        return f"{run}; the first worker stops its run and reports nothing"
    if again is None:
        return f"{run}; the late result is {'accepted' if after == 'A' else f'lost: {after!r} is kept'}"
    if before == "B" and after == "B":
        return f"{run}; the late result is refused"
    if after == "A":
        return f"{run}; the late result **overwrites** the first"
    return f"{run}; the result before is {before!r} and after {after!r}"


async def _runs(worker: DriverProcess, seconds: float) -> bool:
    try:
        await worker.answer(seconds)
    except TimeoutError:
        return False
    await worker.answer()
    return True


async def _ends(worker: DriverProcess) -> bool:
    """Whether the frozen run comes to its end. A peer may also end the process."""
    try:
        await worker.answer(LATE_SECONDS)
    except (TimeoutError, DriverFailed):
        return False
    return True
