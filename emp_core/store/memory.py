"""How full Redis is, and which jobs fill it."""

from dataclasses import dataclass

from emp_core.domain.states import ENDED
from emp_core.store.connection import Link, undamaged
from emp_core.store.steps import Steps

CROWDED = 0.8
"""The share of maxmemory above which finished jobs make room for new ones."""

RECENT_MS = 15 * 60_000
"""Finished jobs are kept at least so long, unless a hub is told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What Redis has used, and the jobs that may have used it."""

    used: int
    """Bytes."""

    limit: int
    """maxmemory; 0: none."""

    waiting: int
    """Jobs that wait, also for their time or for other jobs."""

    recent: int
    """Jobs that finished less than `recent_ms` ago, which retention keeps."""

    older: int
    """Finished jobs that retention may remove to free memory."""

    recent_ms: int

    @property
    def share(self) -> float:
        """0 to 1; 0 if there is no limit."""
        return self.used / self.limit if self.limit else 0.0

    @property
    def is_crowded(self) -> bool:
        """Whether finished jobs have to make room."""
        return self.share > CROWDED

    @property
    def excess(self) -> int:
        """Bytes to free until it is crowded no longer."""
        return max(0, round(self.used - CROWDED * self.limit)) if self.limit else 0

    def sentence(self) -> str:
        """`Redis has used 93% of its maxmemory: 41,000 jobs wait, ...`."""
        minutes = f"{self.recent_ms / 60_000:g} minutes (MIN_FINISHED_JOB_MINUTES)"
        return (
            f"Redis has used {self.share:.0%} of its maxmemory: {self.waiting:,} jobs wait, {self.recent:,} finished "
            f"in the last {minutes} and are kept, {self.older:,} finished before that. Raise maxmemory, or let workers "
            "catch up"
        )


async def read_memory(link: Link, recent_ms: int = RECENT_MS) -> Memory:
    """A few short reads, however many jobs there are."""
    return await link.follow(memory_steps(link, recent_ms))


def memory_steps(link: Link, recent_ms: int = RECENT_MS) -> Steps[Memory]:
    """As `read_memory`, in two round trips."""
    info, (seconds, _) = yield [("INFO", "memory"), ("TIME",)]
    since = int(seconds) * 1000 - recent_ms
    waiting = [("HGET", link.key("counts"), state) for state in ("pending", "delayed", "blocked")]
    young = [("ZCOUNT", link.key(f"jobs:{state}"), f"({since}", "+inf") for state in ENDED]
    old = [("ZCOUNT", link.key(f"jobs:{state}"), "-inf", since) for state in ENDED]
    answers = yield [*waiting, *young, *old]
    counts = [int(undamaged(count) or 0) for count in answers]
    return Memory(
        used=int(info["used_memory"]),
        limit=int(info["maxmemory"]),
        waiting=sum(counts[:3]),
        recent=sum(counts[3:6]),
        older=sum(counts[6:]),
        recent_ms=recent_ms,
    )
