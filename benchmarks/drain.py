"""Two ways to run no-op jobs in many slots: a call for each job, or one for all that can be said at the moment."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from benchmarks.workload import Worker
from emp_core.store import Claimed

IN_FLIGHT = 2
"""Turns under way at once: while Redis works on one, Python reads the answer of the other."""


async def drain_alone(worker: Worker, slots: int) -> int:
    """Each slot settles and claims for itself, in one call. How many jobs were done."""

    async def loop() -> int:
        done, claims = 0, await worker.claim()
        while claims:
            claims = (await worker.turn(claims, slots=1)).claimed
            done += 1
        return done

    return sum(await asyncio.gather(*(loop() for _ in range(slots))))


@dataclass(slots=True)
class Agent:
    """Slots that hand what they did to a common turn and get their next job from it."""

    worker: Worker
    waiting: deque[asyncio.Future[Claimed | None]] = field(default_factory=deque[asyncio.Future[Claimed | None]])
    done: list[Claimed] = field(default_factory=list[Claimed])
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    async def drain(cls, worker: Worker, slots: int) -> int:
        """Run jobs until there are none. How many were done."""
        agent = cls(worker)
        turns = [asyncio.create_task(agent._turns(slots // IN_FLIGHT)) for _ in range(IN_FLIGHT)]
        done = sum(await asyncio.gather(*(agent._slot() for _ in range(slots))))
        for task in turns:
            task.cancel()
        return done

    async def _slot(self) -> int:
        done = 0
        while (claim := await self._next()) is not None:
            self.done.append(claim)
            done += 1
        return done

    async def _next(self) -> Claimed | None:
        turn: asyncio.Future[Claimed | None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        self.wanted.set()
        return await turn

    async def _turns(self, at_most: int) -> None:
        while True:
            await self.wanted.wait()
            slots = [self.waiting.popleft() for _ in range(min(at_most, len(self.waiting)))]
            done, self.done = self.done, []
            if not self.waiting:
                self.wanted.clear()
            claims = await self._say(done, len(slots))
            for slot, claim in zip(slots, [*claims, *[None] * (len(slots) - len(claims))], strict=True):
                slot.set_result(claim)

    async def _say(self, done: list[Claimed], slots: int) -> tuple[Claimed, ...]:
        return (await self.worker.turn(done, slots=slots)).claimed
