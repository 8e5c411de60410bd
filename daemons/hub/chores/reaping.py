"""Ends leases and attempts that are over their time, and starts delayed jobs that are due."""

from daemons.hub.chores.periodic import Periodic
from emp_core.domain.policy import REAPED_A_CALL
from emp_core.store import Upkeep


class Reap(Periodic):
    """About once a second, and sooner where a delayed job falls due."""

    def __init__(self, upkeep: Upkeep, lease_ms: int) -> None:
        super().__init__("reap", 1.0, self._reap, batch=REAPED_A_CALL)
        self._upkeep = upkeep
        self._lease_ms = lease_ms
        self._due_in: float | None = None

    async def _reap(self) -> int:
        self._due_in = None
        done, next_due_ms = await self._upkeep.reap(self._lease_ms, REAPED_A_CALL)
        self._due_in = None if next_due_ms is None else next_due_ms / 1000
        return done

    def pause(self, done: int) -> float:
        usual = super().pause(done)
        return usual if self._due_in is None else min(usual, self._due_in)
