"""Exit codes, which scripts rely on, and the one table of errors to codes."""

from collections.abc import Mapping
from enum import IntEnum

from emp_core.errors import (
    AccessDenied,
    Ambiguous,
    ArtifactsUnavailable,
    Conflict,
    EmpError,
    Forbidden,
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
    USAGE = 2
    NO_WORKER = 3
    DENIED = 4
    UNAVAILABLE = 5
    NOT_FOUND = 6
    CONFLICT = 7
    TIMEOUT = 8
    CANCELLED = 9
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "success",
    ExitCode.FAILED: "the job or the command failed",
    ExitCode.USAGE: "wrong option, setting or job",
    ExitCode.NO_WORKER: "no live worker can run the job",
    ExitCode.DENIED: "missing or wrong password or token, or not allowed with it",
    ExitCode.UNAVAILABLE: "Redis or the hub does not answer; try again",
    ExitCode.NOT_FOUND: "no such job or worker",
    ExitCode.CONFLICT: "not allowed in the current state",
    ExitCode.TIMEOUT: "the wait timed out; the job continues",
    ExitCode.CANCELLED: "the job was cancelled",
    ExitCode.INTERRUPTED: "Ctrl-C",
}
"""What `emp --help` says of them."""


CODES: Mapping[type[EmpError], ExitCode] = {
    InvalidInput: ExitCode.USAGE,
    Ambiguous: ExitCode.USAGE,
    AccessDenied: ExitCode.DENIED,
    Forbidden: ExitCode.DENIED,
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


HINTS: Mapping[str, str] = {"job": "emp jobs", "worker": "emp workers --all"}
"""What shows the names of that kind."""


def hint_of(error: EmpError) -> str:
    """The next step, where there is one."""
    match error:
        case EmpError(hint=hint) if hint:
            return hint
        case NotFound(kind=kind):
            return HINTS.get(kind, "")
        case QueueUnavailable(code="redis_unavailable"):
            return "is it running? `emp hub status` shows where emp looks for it"
    return ""


def cause_of(error: BaseException) -> BaseException:
    """The error itself, or what a group of tasks ended with: one of ours before any other."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [cause_of(inner) for inner in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, EmpError)), causes[0])
