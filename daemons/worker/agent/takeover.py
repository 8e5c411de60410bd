"""How a new process takes the id of an earlier one that ended without a word: it waits for that one's lease to end.

If the earlier process ran on this machine and in this container, the new process can see whether it lives, and does not
wait. Otherwise only the lease says so: each beat renews it, and Redis's clock decides when it ends.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from daemons.outage import UNAVAILABLE
from daemons.process import is_alive
from daemons.worker.beat.pulse import BEATS_A_LEASE
from emp_core.store import WorkerIdInUse

log = structlog.get_logger()

LATEST_BEAT = 1.1 / BEATS_A_LEASE
"""The part of a lease after which a process that lives has renewed it."""

SHORTEST_PAUSE = 0.01
AWAY_PAUSE = 1.0
"""Seconds between two tries while Redis is unavailable."""


async def take_id(register: Callable[[], Awaitable[None]], told_to_stop: asyncio.Event, *, waits: bool) -> bool:
    """Register, and wait while an earlier process may still hold the id. False if told to stop meanwhile.

    Raises `WorkerIdInUse` if the holder lives, if it renews its lease, or if another process was quicker.
    """
    first: WorkerIdInUse | None = None
    while not told_to_stop.is_set():
        try:
            await register()
        except WorkerIdInUse as refusal:
            if not waits or is_alive(refusal.info) or (first is not None and _is_renewed(first, refusal)):
                raise
            if first is None:
                log.warning("worker.waiting", worker=refusal.worker, note=_note(refusal))
            first = first or refusal
            pause = max(min(refusal.left_ms, refusal.lease_ms * LATEST_BEAT) / 1000, SHORTEST_PAUSE)
        except UNAVAILABLE:
            if first is None:
                raise
            pause = AWAY_PAUSE
        else:
            return True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await told_to_stop.wait()
    return False


def _is_renewed(first: WorkerIdInUse, now: WorkerIdInUse) -> bool:
    return (now.boot, now.beat_at) != (first.boot, first.beat_at)


def _note(refusal: WorkerIdInUse) -> str:
    seconds = refusal.left_ms / 1000
    return f"the id is still held by {refusal.holder}; waiting up to {seconds:.0f} s for its lease to end"
