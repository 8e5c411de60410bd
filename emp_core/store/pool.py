"""Closes the connections to Redis that are not used any more; `Link` bounds how many there are."""

import asyncio
from typing import Any

IDLE_SECONDS = 60.0
"""Longer than any call may take, so a connection that sent nothing since is idle."""


def close_when_idle(connection: Any) -> None:
    """Note that a redis-py connection is about to send, and close it a minute after the last such note."""
    loop = asyncio.get_running_loop()
    connection.used_at = loop.time()
    if not getattr(connection, "is_watched", False):
        connection.is_watched = True
        loop.call_later(IDLE_SECONDS, close_or_look_again, loop, connection)


def close_or_look_again(loop: asyncio.AbstractEventLoop, connection: Any) -> None:
    """Close a connection that is idle; of another one look again when it may be."""
    left = connection.used_at + IDLE_SECONDS - loop.time()
    if left > 0:
        # A timer for each call would cost more than one that looks again.
        loop.call_later(left, close_or_look_again, loop, connection)
        return
    connection.is_watched = False
    if connection.is_connected:
        # What `Connection.disconnect` does outside a task. The pool keeps the object, and its next use connects anew.
        connection._parser.on_disconnect()
        connection._close()
