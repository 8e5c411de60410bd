"""What many scenarios begin with, and what they look at."""

from pathlib import Path

from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.faults.history import History
from tests.faults.journal import Entry, Journal
from tests.faults.patience import PATIENCE_SECONDS, eventually
from tests.support.waiting import wait_until

LEASE = 1
RECOVERY_SECONDS = 3 * (LEASE + 3)
"""Three times what the contract promises."""


async def begun(history: History, journal: Journal, gate: Path, **changes: object) -> str:
    """A job that runs until the gate is there."""
    payload = {"until": str(gate), **dict(changes.pop("payload", {}))}  # type: ignore[call-overload]
    job = await history.submit(payload=payload, **changes)
    await started(journal, job)
    return job


async def started(journal: Journal, job: str, number: int = 1, seconds: float = PATIENCE_SECONDS) -> Entry:
    """The first start of a job, or the second."""
    found = await wait_until(lambda: journal.starts(job)[number - 1 :], f"start {number} of {job}", seconds)
    return found[0]


async def done(journal: Journal, job: str) -> None:
    """Wait for its effect."""
    await eventually(lambda: journal.effects(job), f"{job} is done")


async def more_lines(journal: Journal, what: str | None, count: int) -> None:
    """Wait until the journal has so many lines."""
    await eventually(lambda: len(journal.entries(what)) >= count, f"{count} lines in the journal")


async def is_in(store: Store, job: str, *states: JobState) -> bool:
    return (await store.inspector.job(job)).state in states


async def everything(store: Store, job: str) -> list[object]:
    """All that a person can see of a job."""
    inspector = store.inspector
    seen = [await inspector.job(job), await inspector.outcome(job), await inspector.log(job)]
    return [*seen, await inspector.attempts(job), await store.events.of_job(job)]


def seconds_between(earlier: float, later: float) -> float:
    return round(later - earlier, 2)
