"""How a worker ends when it is told to: first politely, then quickly, then at once."""

import asyncio
import contextlib
import sys
from collections.abc import Callable

from daemons.lifecycle import on_stop
from daemons.worker.agent import Agent

LOOK_SECONDS = 1.0
LAST_WORD_SECONDS = 3.0
"""How long the queue may take to hear what became of the jobs, once they were given back."""

SHOWN_JOBS = 3


def say(line: str) -> None:
    """Tell the person at the terminal, who may have closed it, or whose Ctrl-C ended the pipe as well."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"emp worker: {line}\n")
        sys.stderr.flush()


async def stop_when_asked(agent: Agent, seconds: float, tell: Callable[[str], None] = say) -> None:
    """SIGTERM, Ctrl-C, a closed terminal: drain for so long. Again: give the jobs back. Again: end."""
    asked: asyncio.Queue[int] = asyncio.Queue()
    with on_stop(asked.put_nowait):
        await asked.get()
        tell(farewell(agent, seconds))
        agent.drain()
        await _drained(agent, asked, seconds, tell)
        if agent.slots:
            tell("giving the jobs back now")
        await agent.give_back()
        await _asked_within(asked, LAST_WORD_SECONDS)
        agent.abandon()
        await asyncio.Event().wait()


async def _drained(agent: Agent, asked: asyncio.Queue[int], seconds: float, tell: Callable[[str], None]) -> None:
    """Wait until the time is over or somebody asks again; jobs that cannot end in time do not wait for that."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while (left := until - loop.time()) > 0:
        hopeless = [
            slot
            for slot in agent.slots.values()
            if slot.stop_reason is None and (agent.seconds_to_go(slot) or 0) > left
        ]
        if hopeless:
            names = ", ".join(slot.claim.job_id for slot in hopeless)
            tell(f"given back at once, since it cannot end in {left:.0f} s: {names}")
            await agent.give_back(hopeless)
        if await _asked_within(asked, min(left, LOOK_SECONDS)):
            return


async def _asked_within(asked: asyncio.Queue[int], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await asked.get()
    except TimeoutError:
        return False
    return True


def farewell(agent: Agent, seconds: float) -> str:
    """What it waits for, for how long, and how to make it shorter."""
    slots = list(agent.slots.values())
    if not slots:
        return "stopping: no job is running"
    names = [_with_time(slot.claim.job_id, agent.seconds_to_go(slot)) for slot in slots[:SHOWN_JOBS]]
    more = [f"{len(slots) - SHOWN_JOBS} more"] if len(slots) > SHOWN_JOBS else []
    them = "it" if len(slots) == 1 else "them"
    return f"stopping: waiting up to {seconds:g} s for {', '.join([*names, *more])}; Ctrl-C again gives {them} back"


def _with_time(job_id: str, to_go: float | None) -> str:
    return job_id if to_go is None else f"{job_id} (about {to_go:.0f} s to go)"
