"""What can go wrong, as one tree.

EmpError
├── InvalidInput            a field has a value that it cannot have
│   ├── LimitExceeded       a value is over a named limit
│   └── FilterError         a filter cannot be read
├── NotFound                no such job, worker, artifact
│   └── Deleted             a job was deleted while the caller waited for it
├── Ambiguous               a prefix names several jobs
├── Conflict                not allowed in the current state
│   └── DeletedId           the id is that of a deleted job
├── Refused                 the queue said no, with a stable reason
├── Forbidden               the caller's role or customer does not allow it
├── QueueUnavailable        Redis is unavailable, loading, full, read-only or too old
├── HubUnavailable          the hub does not answer
├── ArtifactsUnavailable    the artifact store cannot take the call
└── Misconfigured           a setting cannot work
    └── AccessDenied        the password or token is missing, wrong or not enough

The tree knows neither HTTP statuses nor exit codes; the edges map it, each in one table.
"""

from collections.abc import Sequence
from typing import Any


class EmpError(Exception):
    """The root. `hint` names the next step, where there is one."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(EmpError):
    """A field has a wrong value; `field` is its path."""

    def __init__(self, field: str, problem: str, *, hint: str = "") -> None:
        super().__init__(f"{field}: {problem}", hint=hint)
        self.field = field
        self.problem = problem


class LimitExceeded(InvalidInput):
    """A value is over a limit; `limit` is the limit's name."""

    def __init__(self, field: str, limit: str, value: int | float, maximum: int | float, *, hint: str = "") -> None:
        super().__init__(field, f"{value} is over the limit {limit} = {maximum}", hint=hint)
        self.limit = limit
        self.value = value
        self.maximum = maximum


class FilterError(InvalidInput):
    """A filter cannot be read. The mistake is `text[start:end]`, or at `start` if something is missing there.

    The message quotes pieces of the filter with their control characters escaped, and cut. `text` and `found` are as
    they came: clean them before they are shown.
    """

    def __init__(self, problem: str, text: str, start: int, end: int, *, hint: str = "") -> None:
        super().__init__("where", problem, hint=hint)
        self.text = text
        self.start = start
        self.end = end

    @property
    def found(self) -> str:
        """What stands where the mistake is."""
        return self.text[self.start : self.end]


class NotFound(EmpError):
    """Not found, or it is not the caller's."""

    def __init__(self, kind: str, name: str, *, hint: str = "") -> None:
        super().__init__(f"no {kind} {name}", hint=hint)
        self.kind = kind
        self.name = name


class Deleted(NotFound):
    """Jobs were deleted while the caller waited for them, so how they ended is not known."""

    def __init__(self, job_ids: Sequence[str], jobs: Sequence[Any] = ()) -> None:
        super().__init__("job", ", ".join(job_ids))
        self.message = f"deleted while waited for: job {', '.join(job_ids)}"
        self.job_ids = tuple(job_ids)
        self.jobs = tuple(jobs)
        """The others (`Job`), as they were when the wait ended."""


class Ambiguous(EmpError):
    """A prefix names several things; `candidates` are the first of them."""

    def __init__(self, prefix: str, candidates: Sequence[str]) -> None:
        super().__init__(f"{prefix} could be any of {', '.join(candidates)}", hint="give more characters")
        self.prefix = prefix
        self.candidates = tuple(candidates)


class Conflict(EmpError):
    """Not allowed in the current state, such as another body under the same idempotency key."""


class DeletedId(Conflict):
    """A submit names the id of a job that was deleted; ids are not used twice."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} was deleted", hint="choose another id")
        self.job_id = job_id


class Refused(EmpError):
    """The queue refused a worker's call; `reason` is a stable word, such as `register`."""

    def __init__(self, reason: str, message: str = "", *, hint: str = "") -> None:
        super().__init__(message or f"refused: {reason}", hint=hint)
        self.reason = reason


class Forbidden(EmpError):
    """The caller's role or customer does not allow this."""


class QueueUnavailable(EmpError):
    """Redis cannot take the call now.

    `code` is one of `MAYBE_DONE`, `storage_full`, `storage_readonly` or `redis_too_old`. Nothing was half written; with
    one of `MAYBE_DONE` the call may have been carried out, and only its answer be lost: it is safe to repeat.
    """

    MAYBE_DONE = ("redis_unavailable", "queue_busy", "moving")
    """Redis does not answer, it is busy, or Redis Cluster moves the queue to another node."""

    job_ids: tuple[str, ...] = ()
    """Of a submit: the jobs that may be stored all the same. Repeat it with these ids, and each is stored once."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code

    def about(self, job_ids: Sequence[str]) -> "QueueUnavailable":
        """The same error, of a submit of these jobs."""
        error = QueueUnavailable(self.code, self.message, hint=self.hint)
        error.job_ids = tuple(job_ids)
        return error


class ArtifactsUnavailable(EmpError):
    """The file store is not available."""


class HubUnavailable(EmpError):
    """The hub does not answer."""


class Misconfigured(EmpError):
    """A setting cannot work; the message names it."""


class AccessDenied(Misconfigured):
    """The password or token is missing, wrong or not enough."""
