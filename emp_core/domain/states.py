"""The states of a job and the transitions between them (docs/states.md), as a table.

Everything not listed is refused. The functions of the store implement this table, the tests search it exhaustively, and
the docs draw it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class JobState(StrEnum):
    """Where a job is."""

    BLOCKED = "blocked"
    """A job that it depends on is not done."""

    DELAYED = "delayed"
    """Not yet due, backing off, or held."""

    PENDING = "pending"
    ACTIVE = "active"
    CANCELLING = "cancelling"
    """A cancel was accepted; its worker is stopping."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


HELD = "held"
"""How lists show a delayed job that somebody holds."""

OPEN = (JobState.ACTIVE, JobState.CANCELLING, JobState.PENDING, JobState.DELAYED, JobState.BLOCKED)
ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)
"""Lists show jobs in the order of these two."""

TERMINAL = frozenset(ENDED)
WAITING = frozenset({JobState.BLOCKED, JobState.DELAYED, JobState.PENDING})
RUNNING = frozenset({JobState.ACTIVE, JobState.CANCELLING})


def states_named(names: Iterable[str]) -> tuple[JobState, ...]:
    """The states that a list is asked for, in their order; `active` includes what is being cancelled."""
    named = set(names)
    if JobState.ACTIVE in named:
        named.add(JobState.CANCELLING)
    return tuple(state for state in (*OPEN, *ENDED) if state in named)


class FailureCode(StrEnum):
    """Why a job failed for good."""

    ERROR = "error"
    PERMANENT = "permanent"
    TIMEOUT = "timeout"
    STALLED = "stalled"
    LOST = "lost"
    POISON = "poison"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DEPENDENCY = "dependency"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table; `name` is the contract's number."""

    name: str
    meaning: str
    event: str
    """The event that tells of it; where the job ends, the event is the name of its last state."""

    sources: frozenset[JobState]
    targets: frozenset[JobState]
    actor: str


def _row(name: str, event: str, sources: str, targets: str, actor: str, meaning: str) -> Transition:
    return Transition(name, meaning, event, _states(sources), _states(targets), actor)


def _states(names: str) -> frozenset[JobState]:
    return frozenset(JobState(name) for name in names.split())


TRANSITIONS: tuple[Transition, ...] = (
    _row("T1", "submitted", "", "pending delayed", "client", "a job is submitted"),
    _row("T2", "due", "delayed", "pending", "chore", "its due time is reached"),
    _row("T3", "claimed", "pending", "active", "worker", "a worker claims it"),
    _row("T4b", "readopted", "pending", "active", "claim holder", "its worker beats again after the lease ended"),
    _row("T6", "completed", "active pending", "completed", "claim holder", "the run completed"),
    _row("T7", "retrying", "active", "delayed failed", "claim holder", "a run failed: retry, or fail for good"),
    _row("T8", "released", "active", "pending delayed failed", "claim holder", "its worker gives it back"),
    _row("T9", "lost", "active", "pending failed", "chore", "its lease ended"),
    _row("T10", "retrying", "active", "delayed failed", "chore", "the attempt took too long or stalled"),
    _row("T11", "failed", "pending delayed", "failed", "chore", "it did not start in time"),
    _row(
        "T12",
        "cancelling",
        "pending delayed blocked active",
        "cancelled cancelling",
        "client",
        "a client or operator cancels it",
    ),
    _row(
        "T13",
        "cancelled",
        "cancelling",
        "cancelled",
        "claim holder",
        "its worker stopped it, or the grace period ended",
    ),
    _row("T14", "retried", "failed cancelled", "pending", "operator", "an operator retries it"),
    _row("T15", "requeued", "active", "pending failed", "operator", "an operator takes it from its worker"),
    _row("T16", "deleted", "completed failed cancelled", "", "chore", "it is deleted"),
    _row("T17", "blocked", "", "blocked", "client", "it is submitted and depends on others"),
    _row("T18", "unblocked", "blocked", "pending delayed failed", "chore", "the last job it depends on ended"),
    _row("T19", "held", "pending delayed", "delayed", "operator", "an operator holds it"),
    _row("T20", "unheld", "delayed", "pending delayed", "operator", "an operator unholds it"),
    _row(
        "T21", "reprioritised", "pending delayed blocked", "pending delayed blocked", "operator", "its priority changes"
    ),
    _row("T22", "unclaimed", "active", "pending", "hub", "an old worker did not take the offer"),
    _row("T23", "deleted", "pending delayed blocked", "", "operator", "an operator moves it to another queue"),
)


def allowed(source: JobState | None, target: JobState | None) -> bool:
    """Whether any transition leads from one state to another; None is before submit and after deletion."""
    return any(
        (source in row.sources if source else not row.sources)
        and (target in row.targets if target else not row.targets)
        for row in TRANSITIONS
    )


def states_page() -> str:
    """The table as a page of the docs."""
    rows = [
        f"| {row.name} | {_words(row.sources)} | {_words(row.targets)} | {row.actor} | {row.meaning} | `{row.event}` |"
        for row in TRANSITIONS
    ]
    head = "| | from | to | who | when | event |\n|---|---|---|---|---|---|"
    states = "\n".join(f"| `{state}` | {MEANINGS[state]} |" for state in JobState)
    return (
        f"{_INTRODUCTION}\n| state | a job in it |\n|---|---|\n{states}\n\n{_RULE}\n{head}\n" + "\n".join(rows) + "\n"
    )


def _words(states: frozenset[JobState]) -> str:
    return ", ".join(f"`{state}`" for state in JobState if state in states) or "-"


_INTRODUCTION = "# The states of a job\n\nGenerated from `emp_core/domain/states.py`.\n"
_RULE = (
    "Every other transition is refused. If a job ends, the event is the name of its last state. The first event of a "
    "job that comes from another queue is `imported`.\n"
)
MEANINGS = {
    JobState.BLOCKED: "waits for jobs that it depends on",
    JobState.DELAYED: "is not yet due, backs off, or is held",
    JobState.PENDING: "waits for a worker",
    JobState.ACTIVE: "runs",
    JobState.CANCELLING: "is being stopped",
    JobState.COMPLETED: "is done",
    JobState.FAILED: "failed for good; its code says why",
    JobState.CANCELLED: "was cancelled",
}
"""What is said of a job in each state."""
