"""`Outbox`: what a socket has still to be sent, bounded."""

import asyncio
from collections.abc import Hashable
from itertools import count

MAX_MESSAGES = 2_000
MAX_BYTES = 1024 * 1024


class Outbox:
    """Messages in order. One with a key takes the place of an earlier one with the same key that still waits."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, str] = {}
        self._numbers = count()
        self._bytes = 0
        self._changed = asyncio.Event()
        self.overflow = asyncio.Event()
        """Set once the other side reads too slowly; nothing more is taken then."""

    def put(self, text: str, key: Hashable = None) -> None:
        """Add a message."""
        if self.overflow.is_set():
            return
        place = next(self._numbers) if key is None else ("key", key)
        self._bytes += len(text) - len(self._waiting.get(place, ""))
        self._waiting[place] = text
        # A message alone may be larger than what may gather.
        if len(self._waiting) > MAX_MESSAGES or (self._bytes > MAX_BYTES and len(self._waiting) > 1):
            self.overflow.set()
            self._waiting.clear()
        self._changed.set()

    async def take(self) -> str:
        """The next message, as soon as there is one."""
        while not self._waiting:
            self._changed.clear()
            await self._changed.wait()
        place = next(iter(self._waiting))
        text = self._waiting.pop(place)
        self._bytes -= len(text)
        return text
