"""The nearest misses: which workers would do a job after the smallest change, and what that change is."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Any

from emp_core.domain.capabilities import Capabilities
from emp_core.domain.matching import Verdict, match, remedied
from emp_core.domain.requirements import Requirements
from emp_core.domain.values import typed


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A worker that does not fit, and how little it lacks."""

    worker: str
    capabilities: Capabilities
    """As they are."""

    verdict: Verdict

    def change(self) -> dict[str, Any]:
        """The smallest change that would make it fit: each capability by its dotted path, with its new value."""
        return {path: after for path, _, after in self._differences()}

    def sentence(self) -> str:
        """`gpu1:0 would fit if gpu_memory_gb were 48 (has 24)`."""
        changes = [words for path, before, after in self._differences() for words in _in_words(path, before, after)]
        return f"{self.worker} would fit if {' and '.join(changes)}"

    def _differences(self) -> Iterator[tuple[str, Any, Any]]:
        return differences(self.capabilities, remedied(self.capabilities, self.verdict))


def differences(some: Capabilities, other: Capabilities) -> Iterator[tuple[str, Any, Any]]:
    """The capabilities that differ, by their dotted paths, with both values; None if it is not set."""
    for item in fields(Capabilities):
        old, new = getattr(some, item.name), getattr(other, item.name)
        if isinstance(old, Mapping):
            for key in sorted({*old, *new}):
                if repr(old.get(key)) != repr(new.get(key)):  # 1 is not True
                    yield f"{item.name}.{key}", old.get(key), new.get(key)
        elif old != new:
            yield item.name, old, new


def nearest(requirements: Requirements, fleet: Iterable[tuple[str, Capabilities]], limit: int) -> list[NearMiss]:
    """The workers that miss the job by the least: fewest requirements first, then the smallest gaps.

    Of workers that lack the same only the first by name.
    """
    judged = ((worker, offered, match(requirements, offered)) for worker, offered in sorted(fleet, key=itemgetter(0)))
    misses = {
        tuple(miss.sentence() for miss in verdict.misses): NearMiss(
            worker=worker, capabilities=offered, verdict=verdict
        )
        for worker, offered, verdict in reversed(list(judged))
        if not verdict.ok
    }
    return heapq.nsmallest(limit, misses.values(), key=lambda miss: (*miss.verdict.distance, miss.worker))


def _in_words(path: str, before: Any, after: Any) -> Iterator[str]:
    if not isinstance(before, tuple) or not isinstance(after, tuple):
        yield f"{path} were {'not set' if after is None else _shown(after)} ({_had(before)})"
        return
    added, removed = _beyond(after, before), _beyond(before, after)
    if added:
        yield f"{path} also had {_shown(added)} ({_had(before)})"
    if removed:
        yield f"{path} had no {_shown(removed)}"


def _beyond(names: tuple[Any, ...], others: tuple[Any, ...]) -> list[Any]:
    return [name for name in names if typed(name) not in map(typed, others)]


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _had(value: Any) -> str:
    return "reports none" if value is None else f"has {_shown(value)}"
