"""How the values of a field are read from a job, or from what its class asks."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from emp_core.domain.job import Job
from emp_core.domain.requirements import Requirements
from emp_core.domain.states import HELD, RUNNING, TERMINAL, WAITING, JobState

Read: TypeAlias = Callable[[Job, int], Iterable[Any]]
"""The values of a job's field, at a time in ms since 1970; none if it has none."""

Asks: TypeAlias = Callable[[Requirements], Iterable[Any]]
"""The same of a field that all jobs of a class share."""


def attribute(name: str) -> Read:
    """An attribute of the job."""
    return lambda job, now: _one(getattr(job, name))


def mark(name: str) -> Read:
    """A mark that every job has or has not."""
    return lambda job, now: ("yes" if getattr(job, name) else "no",)


def listed(name: str) -> Asks:
    """A requirement that is a list of names."""
    return lambda asked: getattr(asked, name)


def single(name: str) -> Asks:
    """A requirement with one value."""
    return lambda asked: _one(getattr(asked, name))


def _one(value: Any) -> Iterable[Any]:
    return () if value is None else (value,)


def statuses(job: Job, now: int) -> Iterable[str]:
    """As in lists: a held job is delayed too, and one that is being cancelled is active too."""
    words = [] if job.state is None else [job.state.value]
    words += [HELD] if job.held else []
    return words + ([JobState.ACTIVE.value] if job.state is JobState.CANCELLING else [])


def age(job: Job, now: int) -> Iterable[int]:
    """Since it was created."""
    return (now - job.created_at,)


def wait(job: Job, now: int) -> Iterable[int]:
    """Until now, if it waits; otherwise until it first started, or ended without a start."""
    until = now if job.state in WAITING else job.started_at or job.ended_at
    return () if until is None else (until - job.created_at,)


def run(job: Job, now: int) -> Iterable[int]:
    """Since the last attempt started, until now or until the job ended."""
    until = now if job.state in RUNNING else job.ended_at if job.state in TERMINAL else None
    return () if until is None or job.claimed_at is None else (until - job.claimed_at,)


def codes(job: Job, now: int) -> Iterable[str]:
    """The queue's code and the connector's."""
    return [code for code in (job.code, job.cause) if code]


def errors(job: Job, now: int) -> Iterable[str]:
    """The codes and the message."""
    return [*codes(job, now), *_one(job.error)]


def label(name: str) -> Read:
    """A label."""
    return lambda job, now: _one(job.labels.get(name))


def parents(job: Job, now: int) -> Iterable[str]:
    """The jobs that it depends on."""
    return job.depends_on


def models(asked: Requirements) -> Iterable[str]:
    """With and without their folders."""
    return {*asked.models, *(name.rpartition("/")[2] for name in asked.models)}


def custom(path: str) -> Asks:
    """A custom requirement, as JSON writes it."""

    def asks(asked: Requirements) -> Iterable[str]:
        value = asked.custom.get(path, ())
        return [_written(item) for item in (value if isinstance(value, tuple) else (value,))]

    return asks


def _written(value: bool | float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
