"""The kinds of fields: how each reads its values, compares them with a job's, and explains itself."""

import operator as python
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeAlias

from emp_core.domain.durations import duration_ms
from emp_core.domain.filter.globs import glob
from emp_core.domain.filter.mistakes import closest
from emp_core.domain.filter.tree import (
    COMPARISONS,
    DECIMALS,
    EPOCH,
    Duration,
    Glob,
    Moment,
    Number,
    Operator,
    Text,
    Value,
    is_glob,
)
from emp_core.domain.values import shown

MAX_NUMBER = 10**15

Test: TypeAlias = Callable[[Any, int], bool]
"""Whether a value of a job is what a term asks for, at a time in ms since 1970."""

_COMPARE: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.ABOVE: python.gt,
    Operator.AT_LEAST: python.ge,
    Operator.BELOW: python.lt,
    Operator.AT_MOST: python.le,
}
_EQUALITY = (Operator.MATCHES, Operator.EQUALS, Operator.DIFFERS)


@dataclass(frozen=True)
class Kind:
    """What the kinds share."""

    takes: ClassVar[str]
    """For errors and the docs: `gpu is a ...`."""

    operators: ClassVar[tuple[Operator, ...]] = _EQUALITY
    equals: ClassVar[Operator] = Operator.MATCHES
    """What `=` is read as: for most kinds it means the same as `:` with a quoted value."""

    whole: ClassVar[bool] = True
    """`:` with a text is true of that text only, so that an index could find it."""

    choices: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values to offer, with their meanings."""

    def read(self, text: str, *, bare: bool) -> Value | None:
        """A value, or None if it is not of this kind; `bare`: it may be a pattern."""
        return Glob(text) if bare and is_glob(text) else Text(text)

    def test(self, operator: Operator, values: tuple[Value, ...]) -> Test:
        """What tells whether a job's value is one of these."""
        texts = frozenset(value.text for value in values if isinstance(value, Text))
        globs = [glob(value.pattern) for value in values if isinstance(value, Glob)]
        return lambda value, now: value in texts or any(fits(value) for fits in globs)

    def refusal(self, name: str, text: str) -> str:
        """What is said of a value that is not of this kind."""
        return self.usage(name)

    def usage(self, name: str) -> str:
        """How a field of this kind is used."""
        return f"{name} is {self.takes}: use {self.uses(name)}"

    def uses(self, name: str) -> str:
        """Some ways to write a term with a field of this kind."""
        return f"{name}:VALUE"


class Names(Kind):
    """Names that a pattern may stand for; upper and lower case differ."""

    takes = "a name"

    def uses(self, name: str) -> str:
        return f"{name}:NAME or {name}:NA*"


class Prefixes(Kind):
    """Ids, of which the first characters are enough."""

    takes = "an id"
    equals = Operator.EQUALS
    whole = False

    def test(self, operator: Operator, values: tuple[Value, ...]) -> Test:
        if operator is Operator.EQUALS:
            return super().test(operator, values)
        starts = tuple(value.text for value in values if isinstance(value, Text))
        globs = [glob(f"{value.pattern}*") for value in values if isinstance(value, Glob)]
        return lambda value, now: value.startswith(starts) or any(fits(value) for fits in globs)

    def uses(self, name: str) -> str:
        return f"{name}:7f3a"


class Texts(Kind):
    """Free text, found if it has the value somewhere in it, in upper or lower case."""

    takes = "a text"
    equals = Operator.EQUALS
    whole = False

    def test(self, operator: Operator, values: tuple[Value, ...]) -> Test:
        if operator is Operator.EQUALS:
            return super().test(operator, values)
        parts = [value.text.casefold() for value in values if isinstance(value, Text)]
        globs = [glob(f"*{value.pattern.casefold()}*") for value in values if isinstance(value, Glob)]

        def has(value: str, now: int) -> bool:
            folded = value.casefold()
            return any(part in folded for part in parts) or any(fits(folded) for fits in globs)

        return has

    def uses(self, name: str) -> str:
        return f'{name}:"some words"'


@dataclass(frozen=True)
class Words(Kind):
    """A few fixed words."""

    takes: ClassVar[str] = "a word"
    synonyms: Mapping[str, str] = field(default_factory=dict[str, str])
    """Words that people try -> the word that they mean; only to suggest it."""

    def read(self, text: str, *, bare: bool) -> Value | None:
        return Text(text) if text in self.choices else None

    def refusal(self, name: str, text: str) -> str:
        meant = closest(text, {word: word for word in self.choices} | dict(self.synonyms))
        suggestion = f"; did you mean {meant}?" if meant else f": use {', '.join(self.choices)}"
        return f"{name} has no value {shown(text)}{suggestion}"

    def uses(self, name: str) -> str:
        return " or ".join(f"{name}:{word}" for word in list(self.choices)[:2])


@dataclass(frozen=True)
class Numbers(Kind):
    """Numbers; with `in_gb` a size too, which is in GB of 10^9 bytes if it has no unit."""

    takes: ClassVar[str] = "a number"
    operators: ClassVar[tuple[Operator, ...]] = (*COMPARISONS, *_EQUALITY)
    in_gb: bool = False
    example: tuple[int, int] = (3, 10)

    def read(self, text: str, *, bare: bool) -> Value | None:
        found = _NUMBER.fullmatch(text)
        if found is None or (found["unit"] and not self.in_gb):
            return None
        number = float(found["number"])
        match found["unit"][:1].lower():
            case "m":
                number /= 1000
            case "t":
                number *= 1000
        return Number(round(number, DECIMALS)) if abs(number) <= MAX_NUMBER else None

    def test(self, operator: Operator, values: tuple[Value, ...]) -> Test:
        numbers = [value.number for value in values if isinstance(value, Number)]
        if operator not in _COMPARE:
            return lambda value, now: value in numbers
        compare, limit = _COMPARE[operator], numbers[0]
        return lambda value, now: compare(value, limit)

    def uses(self, name: str) -> str:
        low, high = self.example
        return f"{name}>={high}, {name}<{low} or {name}:{high}"


_NUMBER = re.compile(rf"(?P<number>-?[0-9]{{1,16}}(\.[0-9]{{1,{DECIMALS}}})?)(?P<unit>|[mgt]b?)", re.IGNORECASE)


class Durations(Kind):
    """Lengths of time. None is hit exactly, so they are only compared."""

    takes = "a duration"
    operators = COMPARISONS

    def read(self, text: str, *, bare: bool) -> Value | None:
        ms = duration_ms(text)
        return None if ms is None else Duration(ms)

    def test(self, operator: Operator, values: tuple[Value, ...]) -> Test:
        compare = _COMPARE[operator]
        (limit,) = [value.ms for value in values if isinstance(value, Duration)]
        return lambda value, now: compare(value, limit)

    def uses(self, name: str) -> str:
        return f"{name}>10m or {name}<1h30m"


@dataclass(frozen=True)
class Times(Durations):
    """Points in time: compared with one, or by how long ago they were, or, with `ahead`, by how soon they are."""

    takes: ClassVar[str] = "a time"
    ahead: bool = False

    def read(self, text: str, *, bare: bool) -> Value | None:
        return super().read(text, bare=bare) or _moment(text)

    def test(self, operator: Operator, values: tuple[Value, ...]) -> Test:
        compare, limit = _COMPARE[operator], values[0]
        if isinstance(limit, Moment):
            moment = limit.ms
            return lambda value, now: compare(value, moment)
        distance = super().test(operator, values)
        if self.ahead:
            return lambda value, now: distance(value - now, now)
        return lambda value, now: distance(now - value, now)

    def uses(self, name: str) -> str:
        distance = "in less than 1h" if self.ahead else "less than 1h ago"
        return f"{name}<1h ({distance}) or {name}>2026-01-31T18:00Z (a time with its zone)"


_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{3})?)?(Z|[+-][0-9]{2}:[0-9]{2})")
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999, the last that can be shown."""


def _moment(text: str) -> Moment | None:
    try:
        time = datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:  # such as February 30
        return None
    ms = (time - EPOCH) // timedelta(milliseconds=1) if time else -1
    return Moment(ms) if 0 <= ms <= _LAST_MS else None
