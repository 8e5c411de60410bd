"""Calls of functions that are made while others are under way travel together.

A call of its own costs some 40 µs of Python in redis-py, and wakes Redis for a read and a write; one of many in a
single write costs a quarter of that, and Redis a tenth. The first calls go at once, so nobody waits for company.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from redis import exceptions

AT_ONCE = 2
"""Writes under way before others wait: while Redis works on one, the answers to the other are read."""

TOGETHER = 64
"""Calls in one write: a few milliseconds of Redis."""


class Coalescer:
    """Stands before a client."""

    def __init__(self, client: Any, patience: Callable[[], float]) -> None:
        self._client = client
        self._patience = patience
        self._under_way = 0
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def execute_command(self, *arguments: Any) -> Any:
        """As the client's."""
        if self._under_way >= AT_ONCE:
            answer = asyncio.get_running_loop().create_future()
            # Encoded here, so that a text that cannot be is the trouble of this call only.
            packed = [word.encode() if isinstance(word, str) else word for word in arguments]
            self._waiting.append((tuple(packed), answer))
            return await answer
        self._under_way += 1
        try:
            return await self._client.execute_command(*arguments)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        """A write is answered; what waited meanwhile goes next."""
        self._under_way -= 1
        if self._waiting:
            self._under_way += 1
            task = asyncio.create_task(self._send())
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self) -> None:
        some, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
        # Who does not wait any more wants nothing done.
        some = [(command, answer) for command, answer in some if not answer.done()]
        pipeline = self._client.pipeline(transaction=False)
        for command, _ in some:
            pipeline.execute_command(*command)
        said: list[Any] = []
        try:
            if some:
                async with asyncio.timeout(self._patience()):
                    said = await pipeline.execute(raise_on_error=False)
        except (exceptions.RedisError, OSError, TimeoutError) as error:
            said = [error] * len(some)
        except Exception as error:
            # A bug, of which all must hear: a cancel that nobody asked for would end them without a word.
            said = [error] * len(some)
            raise
        finally:
            self._go_on()
            for (_, answer), word in zip(some, said, strict=False):
                _settle(answer, word)
            for _, answer in some:
                answer.cancel()


def _settle(answer: asyncio.Future[Any], said: Any) -> None:
    if answer.done():
        return
    if isinstance(said, Exception):
        answer.set_exception(said)
    else:
        answer.set_result(said)
