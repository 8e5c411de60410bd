"""`Check`: one finding of the doctor."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, and may not for long."""

    FAIL = "fail"
    """The queue does not do what it promises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was looked at, and how it was found."""

    name: str
    state: State
    found: str
    """May hold texts of jobs and workers: clean it before it is shown."""

    fix: str = ""
    """The command that mends it, or what to do; empty if it is ok."""


def ok(name: str, found: str) -> Check:
    """Nothing to do."""
    return Check(name=name, state=State.OK, found=found)


def warn(name: str, found: str, fix: str) -> Check:
    """Works, and may not for long."""
    return Check(name=name, state=State.WARN, found=found, fix=fix)


def fail(name: str, found: str, fix: str) -> Check:
    """Does not work."""
    return Check(name=name, state=State.FAIL, found=found, fix=fix)


def some(names: Sequence[str], at_most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more} more" if more > 0 else "")


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 job`, `1,204 jobs`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
