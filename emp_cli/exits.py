"""Exit codes, which scripts rely on, and the one table of errors to codes."""

from collections.abc import Mapping
from enum import IntEnum

from emp_core.errors import (
    AccessDenied,
    Ambiguous,
    ArtifactsUnavailable,
    Conflict,
    EmpError,
    HubUnavailable,
    InvalidInput,
    Misconfigured,
    NotFound,
    QueueUnavailable,
    Refused,
)


class ExitCode(IntEnum):
    """What a command says to the shell."""

    OK = 0
    FAILED = 1
    """The job failed, or the operation did."""

    USAGE = 2
    """An option, a setting or the job itself cannot be right."""

    NO_WORKER = 3
    """No live worker can ever run it."""

    DENIED = 4
    """A password or token is missing or wrong."""

    UNAVAILABLE = 5
    """Redis or the hub cannot be reached; try again."""

    NOT_FOUND = 6
    CONFLICT = 7
    """The state of things does not allow it."""

    TIMEOUT = 8
    """Waited long enough; the job goes on."""

    CANCELLED = 9
    INTERRUPTED = 130
    """Ctrl-C."""


CODES: Mapping[type[EmpError], ExitCode] = {
    InvalidInput: ExitCode.USAGE,
    Ambiguous: ExitCode.USAGE,
    AccessDenied: ExitCode.DENIED,
    Misconfigured: ExitCode.USAGE,
    NotFound: ExitCode.NOT_FOUND,
    Conflict: ExitCode.CONFLICT,
    Refused: ExitCode.CONFLICT,
    QueueUnavailable: ExitCode.UNAVAILABLE,
    HubUnavailable: ExitCode.UNAVAILABLE,
    ArtifactsUnavailable: ExitCode.UNAVAILABLE,
}


def code_of(error: EmpError) -> ExitCode:
    """The code of the nearest class that the table has."""
    return next((CODES[cls] for cls in type(error).__mro__ if cls in CODES), ExitCode.FAILED)


def cause_of(error: BaseException) -> BaseException:
    """The error itself, or what a group of tasks ended with: one of ours before any other."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [cause_of(inner) for inner in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, EmpError)), causes[0])
