"""Folds what is alike: workers that see a job in the same way, kinds of jobs that a worker sees in the same way."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emp_core.domain.requirements import Requirements
from emp_core.domain.standing import Standing, Tier, WaitingClass

_LENGTH = re.compile(r"\b(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?s)?\b")
"""A duration as `domain.durations` writes it: workers that are down for 40s and for 41s are alike."""

_NAME = re.compile(r"(.*?)([0-9]*)([^0-9:]*)(?::([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers for which everything but their names and the jobs ahead is the same."""

    standings: tuple[Standing, ...]

    @property
    def first(self) -> Standing:
        """The one that takes the job first."""
        return self.standings[0]

    @property
    def ids(self) -> list[str]:
        """Their names, the first one's in front."""
        return [standing.worker.id for standing in self.standings]

    @property
    def ahead(self) -> tuple[int, int] | None:
        """The fewest and the most jobs ahead; None if the job is in line for none of them."""
        counts = [standing.ahead for standing in self.standings if standing.ahead is not None]
        return (min(counts), max(counts)) if counts else None

    @property
    def exact(self) -> bool:
        """Whether no number of jobs ahead is a lower bound."""
        return all(standing.exact for standing in self.standings)


def fold_workers(standings: Iterable[Standing]) -> list[Workers]:
    """Groups in the order of their first workers."""
    alike: dict[tuple[Tier, str, tuple[str, ...]], list[Standing]] = {}
    for standing in standings:
        misses = tuple(miss.sentence() for miss in standing.verdict.misses)
        alike.setdefault((standing.tier, _LENGTH.sub("", standing.reason), misses), []).append(standing)
    return [Workers(tuple(group)) for group in alike.values()]


@dataclass(frozen=True, slots=True)
class Kinds:
    """Kinds of waiting jobs that ask the same but for their customers, for the same reason."""

    classes: tuple[WaitingClass, ...]
    reason: str = ""

    @property
    def jobs(self) -> int:
        """How many jobs wait."""
        return sum(each.jobs for each in self.classes)

    @property
    def requirements(self) -> Requirements:
        """What the first of them asks."""
        return self.classes[0].requirements

    @property
    def customers(self) -> list[str]:
        """Whose jobs they are, as far as they are anybody's."""
        names = (each.requirements.customer_id for each in self.classes)
        return list(dict.fromkeys(name for name in names if name))


def fold_classes(classes: Iterable[tuple[WaitingClass, str]]) -> list[Kinds]:
    """Groups of classes, each with a reason, in the order of their first ones."""
    alike: dict[tuple[str, str], list[WaitingClass]] = {}
    for waiting, reason in classes:
        asked = {name: value for name, value in waiting.requirements.to_json().items() if name != "customer_id"}
        alike.setdefault((repr(asked), reason), []).append(waiting)
    return [Kinds(tuple(group), reason) for (_, reason), group in alike.items()]


def fold_names(names: Sequence[str]) -> str:
    """`gpu[1-40,42]:[0-7], render`: names that differ in their last number or `:index`, folded."""
    indexes: dict[tuple[str, str, str], list[str]] = {}
    for name in names:
        *place, index = _parts(name)
        indexes.setdefault((place[0], place[1], place[2]), []).append(index)
    numbers: dict[tuple[str, str, bool], list[str]] = {}
    for (prefix, number, rest), found in indexes.items():
        numbers.setdefault((prefix, f"{rest}{_folded(found)}", bool(number)), []).append(number)
    return ", ".join(f"{prefix}{_folded(found)}{rest}" for (prefix, rest, _), found in numbers.items())


def _parts(name: str) -> tuple[str, str, str, str]:
    """A name around its last number: `gpu`, `12`, `:`, and `0` if it ends in an index."""
    found = _NAME.fullmatch(name)
    return (found[1], found[2], f"{found[3]}{':' if found[4] else ''}", found[4] or "") if found else (name, "", "", "")


def _folded(numbers: Sequence[str]) -> str:
    """A number, or several in brackets. All are empty if one is."""
    return f"[{','.join(_spans(numbers))}]" if len(set(numbers)) > 1 else numbers[0]


def _spans(numbers: Sequence[str]) -> list[str]:
    """`1-3`, `7`: runs of numbers that are written with the same width, or without leading zeros."""
    spans: list[tuple[str, str]] = []
    for number in sorted(set(numbers), key=lambda each: (int(each), each)):
        last = spans[-1][1] if spans else ""
        if last and int(number) == int(last) + 1 and (len(number) == len(last) or number[0] != "0" != last[0]):
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return [first if first == last else f"{first}-{last}" for first, last in spans]
