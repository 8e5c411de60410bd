"""Keys that are pressed faster than the dashboard takes them.

Each widget takes its messages in a task of its own, and the app does not wait for it before it takes the next key. An
action that opens or closes something waits here, so that the next key finds what it has opened or closed.
"""

import asyncio

from textual.message_pump import MessagePump


async def caught_up(*pumps: MessagePump) -> None:
    """Wait until each in turn has taken the messages that it has now. A message handler of theirs must not call it."""
    for pump in pumps:
        taken = asyncio.Event()
        if pump.call_later(taken.set):
            await taken.wait()
