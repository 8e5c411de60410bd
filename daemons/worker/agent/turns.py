"""An agent's turns: each settles what is done and claims for the slots that are free, in one call.

Turns follow each other. A full one begins while the one before is still under way, so that Redis works while Python
does. The two share no job, no nonce and no token, so it does not matter which of them Redis carries out first, nor
whether one of them fails: what it had goes with a later turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from daemons.outage import UNAVAILABLE
from daemons.worker.agent.contact import Contact
from daemons.worker.agent.intake import TURN_JOBS, Intake, Offer
from daemons.worker.agent.slot import Slot
from emp_core.errors import EmpError, Refused
from emp_core.store import Broker, Claimed, Settlement, Turn, Wish


class Ended(NamedTuple):
    """An attempt that is over here, and still has to be settled."""

    claim: Claimed
    settlement: Settlement | None
    """None if nothing may be reported."""

    slot: Slot | None = None
    """None if it never began."""


class _Call(NamedTuple):
    """What one turn says and asks for."""

    offer: Offer
    wish: Wish
    ended: list[Ended]


class Turns:
    """Takes the turns of one agent, two at a time at most."""

    def __init__(
        self,
        broker: Broker,
        intake: Intake,
        contact: Contact,
        running: Callable[[], list[str | None]],
        is_plain: Callable[[], bool],
        on_answer: Callable[[Sequence[Ended], Turn], Awaitable[None]],
        begin: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        """`running` has the customers of all that runs. `is_plain`: the agent claims, and has nothing else to say.

        `begin` starts a task.
        """
        self._broker = broker
        self._intake = intake
        self._contact = contact
        self._running = running
        self._is_plain = is_plain
        self._on_answer = on_answer
        self._begin = begin
        self._under_way: list[_Call] = []
        self._beside: set[asyncio.Task[None]] = set()
        """The turns that the agent's loop has not begun itself."""

        self._trouble: EmpError | None = None
        """Why one of these failed; the loop hears of it."""

        self.done: list[Ended] = []
        """What goes with the next turns."""

    def add(self, ended: Ended) -> None:
        """Settle it with a later turn, which may begin now."""
        self.done.append(ended)
        self._begin_beside()

    async def wait_for_room(self) -> None:
        """Wait until the next turn may begin. Raises what went wrong with one that the agent's loop did not begin."""
        while self._beside and not self._goes_beside():
            await asyncio.wait(self._beside, return_when=asyncio.FIRST_COMPLETED)
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble

    async def take(self, *, may_claim: bool) -> bool:
        """One turn. True if the next should follow at once. Raises `QueueUnavailable`, `AccessDenied` or `Refused`."""
        call = self._next(may_claim=may_claim)
        self._begin_beside()
        await self._take(call)
        await self.wait_for_room()
        return bool(self.done) or self._intake.wants_more(self._running())

    @property
    def are_unheard(self) -> bool:
        """Whether results wait, or are in a call that is not answered."""
        return bool(self.done) or any(call.ended for call in self._under_way)

    async def stop(self) -> None:
        """End the turns that may still be under way."""
        for task in self._beside:
            task.cancel()
        if self._beside:
            await asyncio.wait(self._beside)
        while self._under_way:  # a task that was cancelled before it began
            self._take_back(self._under_way.pop())

    def _goes_beside(self) -> bool:
        """Whether the next turn need not wait: it is full, and says and asks the like of the one that is under way."""
        if len(self.done) < TURN_JOBS or len(self._under_way) != 1 or not self._is_plain():
            return False
        (other,) = self._under_way
        return other.offer is self._intake.left() and self._intake.goes_beside(other.wish, self._running())

    def _begin_beside(self) -> None:
        """Begin the next turn, unless it has to wait."""
        if self._goes_beside():
            task = self._begin(self._take_beside(self._next(may_claim=True)))
            self._beside.add(task)
            task.add_done_callback(self._beside.discard)

    def _next(self, *, may_claim: bool) -> _Call:
        ended, self.done = self.done[:TURN_JOBS], self.done[TURN_JOBS:]
        call = _Call(self._intake.left(), self._intake.wish(self._running(), may_claim=may_claim), ended)
        self._under_way.append(call)
        return call

    async def _take_beside(self, call: _Call) -> None:
        try:
            await self._take(call)
            self._begin_beside()
        except (*UNAVAILABLE, Refused) as error:
            self._trouble = error

    async def _take(self, call: _Call) -> None:
        turn: Turn | None = None
        try:
            with_lines = (each.slot for each in call.ended if each.slot and each.slot.context.has_lines)
            await self._contact.send_reports(with_lines)
            settlements = [each.settlement for each in call.ended if each.settlement is not None]
            life, capabilities = call.offer.life, call.offer.capabilities
            turn = await self._broker.turn(life, capabilities, call.wish, settlements)
        finally:
            self._under_way.remove(call)
            if turn is None:
                self._take_back(call)
        self._intake.answered(call.wish, turn.claimed)
        await self._on_answer(call.ended, turn)

    def _take_back(self, call: _Call) -> None:
        self.done = call.ended + self.done
        self._intake.unanswered(call.wish)
