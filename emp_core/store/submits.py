"""What a submit sends for each request, and what it makes of the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from emp_core.domain.job import JobRequest
from emp_core.errors import Conflict, DeletedId, EmpError, InvalidInput, LimitExceeded
from emp_core.store.codec import Record


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to a submit."""

    id: str
    state: str
    repeated: bool = False
    """The same request had been stored before."""

    workable: bool = True
    """Some live worker's profile fits."""


class Line(NamedTuple):
    """One request of a submit."""

    request: JobRequest
    job_id: str
    record: Record | EmpError
    """An error if the request cannot be stored."""


def answers_of(
    lines: Sequence[Line], said: Sequence[Sequence[bytes]], workable: Mapping[str, bool]
) -> list[Submitted | EmpError]:
    """The answers line by line; `workable` has the classes that were judged just now."""
    words = iter(said)
    return [
        line.record
        if isinstance(line.record, EmpError)
        else _answer_of(line, next(words), workable.get(str(line.record[1])))
        for line in lines
    ]


def _answer_of(line: Line, said: Sequence[bytes], workable: bool | None) -> Submitted | EmpError:
    word, name, *more = (part.decode() for part in said)
    if word in ("ok", "already", "conflict"):
        state, standing = more[:2]
        fits = standing == "judged" if workable is None else workable
    if word == "ok":
        return Submitted(name, state, workable=fits)
    if word == "already":
        # Nobody else knows an id that was drawn for this call: its first answer was lost, and the client asked again.
        repeated = line.request.id is not None or name != line.job_id
        return Submitted(name, state, repeated=repeated, workable=fits)
    if word == "conflict":
        if line.request.is_earlier(more[2]):
            return Submitted(name, state, repeated=True, workable=fits)
        return taken(name)
    if word == "deleted":
        return DeletedId(name)
    if word == "parent":
        return InvalidInput("depends_on", f"there is no job {name}")
    return LimitExceeded("queue", "max_pending_jobs", int(name) + 1, int(name), hint="try again later")


def taken(job_id: str) -> Conflict:
    """Another request has this id."""
    return Conflict(f"job {job_id} was submitted with another body", hint="use a new id or idempotency key")
