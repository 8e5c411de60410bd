"""Ended jobs are forgotten, and their files with them."""

from dataclasses import replace

import structlog

from daemons.hub.settings import HubSettings
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.clock import Clock
from emp_core.errors import ArtifactsUnavailable
from emp_core.store import Inspector, Retention, Upkeep

log = structlog.get_logger()

BATCH = 100
"""Jobs of each kind in one pass."""

CROWDED = 0.8
"""The share of maxmemory above which ended jobs make room for new ones."""

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def retention_of(settings: HubSettings) -> Retention:
    """How long the queue keeps what has ended."""
    failed_ms = round(settings.failed_job_ttl_days * DAY_MS)
    return Retention(
        completed_ms=round(settings.completed_job_ttl_hours * HOUR_MS),
        failed_ms=failed_ms,
        cancelled_ms=failed_ms,
        at_most=settings.max_finished_jobs,
    )


class Forget:
    """Forgets jobs past their time; a hub that dies between the job and its files leaves these to the sweep."""

    def __init__(self, upkeep: Upkeep, artifacts: ObjectArtifacts, retention: Retention) -> None:
        self._upkeep = upkeep
        self._artifacts = artifacts
        self._retention = retention

    async def run_once(self) -> int:
        """A batch of jobs; where memory runs out, the oldest completed ones before their time."""
        crowded = await self._upkeep.memory_share() > CROWDED
        kept = replace(self._retention, at_most=0) if crowded else self._retention
        forgotten = await self._upkeep.retain(kept, BATCH)
        try:
            for job_id in forgotten:
                await self._artifacts.delete_job(job_id)
        except ArtifactsUnavailable as error:
            log.warning("artifacts.away", reason=error.message)
        return len(forgotten)


class Sweep:
    """Deletes files that no job of the queue has: of jobs that others deleted, and of submits that were given up.

    It spares what is young, as an input is there before its job. It knows the jobs of its own queue only, so that no
    other queue may keep files in the same store.
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
            log.warning("artifacts.away", reason=error.message)
            return 0
