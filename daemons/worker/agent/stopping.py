"""How a worker ends when it is told to: first politely, then quickly, then at once."""

import asyncio
import contextlib
import sys
from collections.abc import Callable

from daemons.lifecycle import on_stop
from daemons.worker.agent.agent import Agent

LAST_WORD_SECONDS = 3.0
"""How long the queue may take to hear what became of the jobs, once they were given back."""

SHOWN_JOBS = 3


def say(line: str) -> None:
    """Write to the terminal. It may be closed, or Ctrl-C may have ended the pipe."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"emp worker: {line}\n")
        sys.stderr.flush()


async def stop_when_asked(agent: Agent, seconds: float, tell: Callable[[str], None] = say) -> None:
    """On SIGTERM, Ctrl-C or a closed terminal wait so long for running jobs, then give back those that still run.

    A second signal gives them back at once, a third ends the worker.
    """
    asked: asyncio.Queue[int] = asyncio.Queue()
    with on_stop(asked.put_nowait):
        await asked.get()
        tell(farewell(agent, seconds))
        agent.drain()
        await _asked_within(asked, seconds)
        if agent.slots:
            tell("giving the jobs back now")
        await agent.give_back()
        await _asked_within(asked, LAST_WORD_SECONDS)
        agent.abandon()
        await asyncio.Event().wait()


async def _asked_within(asked: asyncio.Queue[int], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asked.get()


def farewell(agent: Agent, seconds: float) -> str:
    """What it waits for, for how long, and how to make it shorter."""
    slots = list(agent.slots.values())
    if not slots and agent.awaits_the_queue:
        return f"stopping: waiting up to {seconds:g} s for an answer of Redis; Ctrl-C again ends it sooner"
    if not slots:
        return "stopping: no job is running"
    names = [slot.claim.job_id for slot in slots[:SHOWN_JOBS]]
    more = [f"{len(slots) - SHOWN_JOBS} more"] if len(slots) > SHOWN_JOBS else []
    them = "it" if len(slots) == 1 else "them"
    return f"stopping: waiting up to {seconds:g} s for {', '.join([*names, *more])}; Ctrl-C again gives {them} back"
