"""What a filter consists of, and its canonical text."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from emp_core.domain.durations import exact_duration


class Operator(StrEnum):
    """What stands between a field and its value."""

    MATCHES = ":"
    EQUALS = "="
    DIFFERS = "!="
    """Only in what people write: it is read as `-` and `=`."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DECIMALS = 9
"""Of a number, at most."""

COMPARISONS = (Operator.ABOVE, Operator.AT_LEAST, Operator.BELOW, Operator.AT_MOST)

PLAIN_WORD = r"""[^\s,"'=<>!:][^\s,"]*"""
"""A value that needs no quotes. It may hold a colon, as `gpu1:0` does, but does not begin like an operator."""

_PLAIN = re.compile(PLAIN_WORD)


def quoted(text: str) -> str:
    """A text as a filter holds it: in quotes if it would be read as something else without."""
    if _PLAIN.fullmatch(text) and not is_glob(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_glob(text: str) -> bool:
    """Whether an unquoted value is a pattern."""
    return "*" in text or "?" in text


@dataclass(frozen=True, slots=True)
class Text:
    """A text, taken as it is."""

    text: str

    def __str__(self) -> str:
        return quoted(self.text)


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern: `*` any text, `?` any character. Patterns are never in quotes, so they hold no space or comma."""

    pattern: str

    def __str__(self) -> str:
        return self.pattern


@dataclass(frozen=True, slots=True)
class Number:
    """A number, in the field's unit."""

    number: float

    def __str__(self) -> str:
        text = repr(self.number)
        return f"{self.number:.{DECIMALS}f}".rstrip("0") if "e" in text else text.removesuffix(".0")


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time; of a time field, how long ago it was, or how soon it is."""

    ms: int

    def __str__(self) -> str:
        return exact_duration(self.ms)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, in ms since 1970."""

    ms: int

    def __str__(self) -> str:
        time = (EPOCH + timedelta(milliseconds=self.ms)).replace(tzinfo=None)
        return f"{time.isoformat(timespec='milliseconds').removesuffix('.000')}Z"


Value: TypeAlias = Text | Glob | Number | Duration | Moment


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: the field has one of the values, or, negated, none of them."""

    field: str
    """With the name of a label or a custom requirement: `label.batch`."""

    operator: Operator
    values: tuple[Value, ...]
    """One, if the operator compares."""

    negated: bool = False

    def __str__(self) -> str:
        return f"{'-' if self.negated else ''}{self.field}{self.operator}{','.join(map(str, self.values))}"
