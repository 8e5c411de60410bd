"""Getting a prompt off the server. Every order is answered with 200 and nothing, so only looking afterwards tells."""

import asyncio

from daemons.worker.connectors.comfyui.answers import Entry, PromptQueue
from daemons.worker.connectors.comfyui.api import ApiError, ComfyUIApi, Unreachable
from emp_core.clock import Clock

PAUSE = 0.2
"""Seconds between two looks. An interrupt takes effect at the next step or node: 0.1 s to minutes."""

SURE = 3
"""Looks that must not find a prompt of which it is not known whether the server ever got it."""


class NotStopped(Exception):
    """It goes on: its node is deaf, or hangs."""


def runs(queue: PromptQueue, prompt_id: str) -> bool:
    """Whether it is the one at work."""
    return any(queued.prompt_id == prompt_id for queued in queue.running)


def holds(queue: PromptQueue, prompt_id: str) -> bool:
    """Whether it waits or runs."""
    return any(queued.prompt_id == prompt_id for queued in queue)


async def stop(api: ComfyUIApi, prompt_id: str, *, clock: Clock, seconds: float, certain: bool = True) -> Entry | None:
    """Take it out or interrupt it, again and again until it is gone; what the history says of it then.

    It may well say that it succeeded: a node that is deaf and the last one ends as it likes. `certain` tells that
    the server has had it. Raises `NotStopped` after so many seconds.
    """
    deadline = clock.monotonic() + seconds
    looks = 0
    while True:
        refused: ApiError | None = None
        try:
            queue = await _order(api, prompt_id)
            looks += 1
            if not holds(queue, prompt_id):
                entry = await api.history(prompt_id)
                if entry is not None or certain or looks >= SURE:
                    return entry
        except ApiError as error:
            refused = error
        if clock.monotonic() >= deadline:
            if isinstance(refused, Unreachable):
                return None  # a server that is not there runs nothing, and will not remember
            raise NotStopped(prompt_id)
        await asyncio.sleep(PAUSE)


async def _order(api: ComfyUIApi, prompt_id: str) -> PromptQueue:
    """Order the stop once; the queue as it was after that."""
    if await api.cancel(prompt_id):
        return await api.queue()
    await api.delete(prompt_id)
    queue = await api.queue()
    if runs(queue, prompt_id):  # an old server would interrupt a stranger's
        await api.interrupt(prompt_id)
    return queue
