"""The pulse: one call for a worker and all of its jobs, about every third of a lease."""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from emp_core.clock import Clock
from emp_core.errors import EmpError, Refused
from emp_core.store import Broker, ClaimKey, Life

SHORTEST_PATIENCE = 1.0
BEATS_A_LEASE = 3
TRIES_A_LEASE = 30


class Held(NamedTuple):
    """A claim, as far as beats need it."""

    job_id: str
    attempt: int
    nonce: str

    @classmethod
    def of(cls, claim: ClaimKey) -> "Held":
        """The part of a claim that is signed with."""
        return cls(claim.job_id, claim.attempt, claim.nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a beat."""

    sent_at: float
    """Monotonic seconds when it was sent; the worker's own limits count from here."""

    reached: bool = True
    """Redis answered."""

    state: str = ""
    """The worker's state; '' if the queue does not know the worker."""

    words: dict[str, str] = field(default_factory=dict[str, str])
    """Nonce -> `cancel`, `lost:why` or `stale`; a claim that was renewed is left out."""


class Pulse:
    """The loop of beats."""

    def __init__(self, broker: Broker, clock: Clock, on_answer: Callable[[Answer], None]) -> None:
        self._broker = broker
        self._clock = clock
        self._on_answer = on_answer
        self._hurry = asyncio.Event()
        self._life: Life | None = None
        self._services = ""
        self._memory = self._memory_told = ""
        self._held: dict[str, Held] = {}

    def live(self, life: Life) -> None:
        """Whose heart it is. The queue may have forgotten the worker, so the next beat tells all."""
        self._life, self._memory_told = life, ""
        self._hurry.set()

    def keep(self, claims: Iterable[Held], gone: Iterable[str]) -> None:
        """Which claims to renew."""
        for nonce in gone:
            self._held.pop(nonce, None)
        for claim in claims:
            self._held[claim.nonce] = claim

    def tell(self, services: str) -> None:
        """What to say of the services."""
        if services != self._services:
            self._services = services
            self._hurry.set()

    def tell_memory(self, memory: str) -> None:
        """What to say of the GPUs' memory with the next beat."""
        self._memory = memory

    async def run(self, may_beat: Callable[[], bool] = lambda: True) -> None:
        """Beat until cancelled. `may_beat` is asked each time."""
        while True:
            self._hurry.clear()
            reached = True
            if self._life is not None and may_beat():
                answer = await self.beat(self._life)
                reached = answer.reached
                self._on_answer(answer)
            await self._rest(BEATS_A_LEASE if reached else TRIES_A_LEASE)

    async def _rest(self, times_a_lease: int) -> None:
        """A part of a lease; less after the queue was unavailable, because each second counts then."""
        seconds = self._life.lease_ms / 1000 / times_a_lease * random.uniform(0.9, 1.1) if self._life else None
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            return

    async def beat(self, life: Life) -> Answer:
        """One beat. It times out after half a lease, so that the next one uses a new connection in time."""
        sent_at, memory = self._clock.monotonic(), self._memory
        news = "" if memory == self._memory_told else memory
        try:
            async with asyncio.timeout(max(life.lease_ms / 2000, SHORTEST_PATIENCE)):
                state, words = await self._broker.beat(life, self._services, list(self._held.values()), memory=news)
        except Refused:
            return Answer(sent_at=sent_at)
        except (EmpError, TimeoutError):
            return Answer(sent_at=sent_at, reached=False)
        self._memory_told = memory
        return Answer(
            sent_at=sent_at, state=state, words={nonce: word for nonce, word in words.items() if word != "ok"}
        )
