"""Submits that are made together travel together: those of one tick of the loop, and all that come while a call is
under way.

One call is under way at a time, so jobs are stored in the order in which they were given. Nobody waits for company.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from redis.exceptions import ResponseError

from emp_core.domain.policy import BYTES_A_CALL, JOBS_A_CALL, LARGE_BODY
from emp_core.errors import EmpError, QueueUnavailable
from emp_core.store.codec import Record

Said = Sequence[bytes]
"""The answer about one job."""

Call = Callable[[Sequence[Record]], Awaitable[Sequence[Said]]]


class _Waiting(NamedTuple):
    record: Record
    answer: asyncio.Future[Said]

    @property
    def size(self) -> int:
        """The bytes of its body."""
        return len(self.record[-1])


class Gathering:
    """Stands before the call that stores jobs."""

    def __init__(self, call: Call, patience: Callable[[], float]) -> None:
        self._call = call
        self._patience = patience
        self._waiting: deque[_Waiting] = deque()
        self._sending: asyncio.Task[None] | None = None

    def add(self, records: Sequence[Record]) -> list[asyncio.Future[Said]]:
        """Have jobs stored, in this order, behind those that were given before. An answer for each.

        A job whose answer is cancelled before its call begins is not stored. The answers raise what the call raised.
        """
        loop = asyncio.get_running_loop()
        # Encoded here, so that a text that cannot be is the trouble of its caller only.
        encoded = [tuple(word.encode() if isinstance(word, str) else word for word in record) for record in records]
        more = [_Waiting(record, loop.create_future()) for record in encoded]
        self._waiting += more
        if self._sending is None:
            # It begins in the next tick.
            self._sending = loop.create_task(self._send())
        return [each.answer for each in more]

    async def _send(self) -> None:
        try:
            while self._waiting:
                await self._send_some(self._next())
        finally:
            self._sending = None
            self._tell(self._waiting, [])
            self._waiting.clear()

    def _next(self) -> list[_Waiting]:
        """What goes into one call; a large body goes alone, so that small ones need not wait for it."""
        some: list[_Waiting] = []
        size = 0
        while self._waiting and len(some) < JOBS_A_CALL:
            first = self._waiting[0]
            size += first.size
            if some and (size > BYTES_A_CALL or first.size > LARGE_BODY):
                break
            self._waiting.popleft()
            if not first.answer.done():
                some.append(first)
            if first.size > LARGE_BODY:
                break
        return some

    async def _send_some(self, some: Sequence[_Waiting]) -> None:
        if not some:
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        said: Sequence[Said | BaseException] = []
        try:
            said = await self._call([each.record for each in some])
        except QueueUnavailable as error:
            said = [error] * len(some)
            if loop.time() - began > self._patience() / 2:
                # Who waited meanwhile would wait as long again, only to hear the same.
                self._give_up(error)
        except (EmpError, ResponseError) as error:
            said = [error] * len(some)
        except Exception as error:
            # A bug, of which all must hear: a cancel that nobody asked for would end them without a word.
            said = [error] * len(some)
            self._give_up(error)
            raise
        finally:
            self._tell(some, said)

    def _give_up(self, error: Exception) -> None:
        """Tell those who wait that there will be no call for them."""
        self._tell(self._waiting, [error] * len(self._waiting))
        self._waiting.clear()

    @staticmethod
    def _tell(some: Sequence[_Waiting], said: Sequence[Said | BaseException]) -> None:
        """Those about whom nothing is said are cancelled."""
        for at, each in enumerate(some):
            if each.answer.done():
                continue
            word = said[at] if at < len(said) else None
            if word is None:
                each.answer.cancel()
            elif isinstance(word, BaseException):
                each.answer.set_exception(word)
            else:
                each.answer.set_result(word)
