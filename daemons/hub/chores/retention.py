"""Ended jobs are forgotten, and their files with them."""

import structlog

from daemons.hub.settings import HubSettings
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.clock import Clock
from emp_core.domain.policy import FORGOTTEN_A_CALL
from emp_core.errors import ArtifactsUnavailable
from emp_core.store import Inspector, Memory, Retention, Upkeep

log = structlog.get_logger()

ROOMY = 0.75
"""Below this share a crowded Redis counts as roomy again, so that the log does not tell of every pass."""

FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 900.0
"""Between two passes that free too little."""

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


def retention_of(settings: HubSettings) -> Retention:
    """How long the queue keeps what has ended."""
    failed_ms = round(settings.failed_job_ttl_days * DAY_MS)
    return Retention(
        completed_ms=round(settings.completed_job_ttl_hours * HOUR_MS),
        failed_ms=failed_ms,
        cancelled_ms=failed_ms,
        at_most=settings.max_finished_jobs,
        floor_ms=round(settings.min_finished_job_minutes * MINUTE_MS),
    )


class Forget:
    """Forgets jobs past their time; a hub that dies between the job and its files leaves these to the sweep."""

    def __init__(self, upkeep: Upkeep, artifacts: ObjectArtifacts, retention: Retention, clock: Clock) -> None:
        self._upkeep = upkeep
        self._artifacts = artifacts
        self._retention = retention
        self._relief = Relief(upkeep, retention, clock)

    async def run_once(self) -> int:
        """A batch of jobs, and another one before their time if Redis is crowded."""
        forgotten = await self._upkeep.retain(self._retention, FORGOTTEN_A_CALL)
        forgotten += await self._relief.run_once()
        try:
            for job_id in forgotten:
                await self._artifacts.delete_job(job_id)
        except ArtifactsUnavailable as error:
            log.warning("artifacts.unavailable", reason=error.message)
        return len(forgotten)


class Relief:
    """Frees memory when Redis is crowded, as long as that helps: jobs that wait cannot be removed, and fill it too.

    A pass helps if all jobs that may be removed would, at its rate, free at least half of what is too much. Otherwise
    the next pass is a minute later, then two, and so on. Other clients write meanwhile, so that what one pass frees is
    an estimate; a wrong one costs a pause or a batch.
    """

    def __init__(self, upkeep: Upkeep, retention: Retention, clock: Clock) -> None:
        self._upkeep = upkeep
        self._retention = retention
        self._clock = clock
        self._pause = FIRST_PAUSE_SECONDS
        self._not_before = 0.0
        self._told = ""

    async def run_once(self) -> list[str]:
        """A batch of jobs that make room, or none."""
        memory = await self._upkeep.memory(self._retention)
        if not memory.is_crowded:
            self._pause, self._not_before = FIRST_PAUSE_SECONDS, 0.0
            if memory.share < ROOMY:
                self._tell("", memory)
            return []
        if not memory.older:
            self._tell("nothing to remove", memory)
            return []
        if self._clock.monotonic() < self._not_before:
            return []
        forgotten = await self._upkeep.make_room(self._retention, FORGOTTEN_A_CALL)
        if not forgotten:  # another hub was faster
            return []
        after = await self._upkeep.memory(self._retention)
        if self._helps(len(forgotten), memory, after):
            self._pause = FIRST_PAUSE_SECONDS
            self._tell("removing finished jobs", after)
        else:
            self._not_before = self._clock.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            self._tell("removing finished jobs frees too little", after)
        return forgotten

    @staticmethod
    def _helps(count: int, before: Memory, after: Memory) -> bool:
        freed = before.used - after.used
        return not after.is_crowded or freed * after.older >= after.excess / 2 * count

    def _tell(self, what: str, memory: Memory) -> None:
        """One line for each change, not one for each pass."""
        if what == self._told:
            return
        self._told = what
        if what:
            log.warning("queue.crowded", what=what, why=memory.sentence())
        else:
            log.info("queue.roomy", used=f"{memory.share:.0%}")


class Sweep:
    """Deletes files that no job of the queue has: of jobs that others deleted, and of submits that were given up.

    It spares what is young, as an input is there before its job. Files of other queues lie elsewhere in the same store.
    """

    def __init__(self, inspector: Inspector, artifacts: ObjectArtifacts, retention: Retention, clock: Clock) -> None:
        self._inspector = inspector
        self._artifacts = artifacts
        self._spared_ms = max(retention.completed_ms, retention.failed_ms, retention.cancelled_ms) + DAY_MS
        self._clock = clock

    async def run_once(self) -> int:
        """The whole store."""
        try:
            return await self._artifacts.sweep(self._inspector.known, self._clock.now_ms() - self._spared_ms)
        except ArtifactsUnavailable as error:
            log.warning("artifacts.unavailable", reason=error.message)
            return 0
