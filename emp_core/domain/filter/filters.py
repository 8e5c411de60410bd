"""A filter: which jobs it matches, and what can be told of them before they are read."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from emp_core.domain.filter.fields import Field, Index, field_of
from emp_core.domain.filter.tree import Duration, Moment, Operator, Term, Text, Value
from emp_core.domain.job import Job
from emp_core.domain.requirements import Requirements
from emp_core.domain.states import WAITING, JobState


@dataclass(frozen=True)
class Filter:
    """Conditions that all must hold; without any it matches every job. `parse` makes one from text."""

    terms: tuple[Term, ...] = ()

    @classmethod
    def of(cls, **values: str | Iterable[str] | None) -> "Filter":
        """Jobs that have one of the values of each field, taken as they are: `of(customer="acme", status=["failed"])`.

        None, or no value, asks nothing of a field.
        """
        texts = {name: (given,) if isinstance(given, str) else tuple(given or ()) for name, given in values.items()}
        terms = (Term(name, Operator.MATCHES, tuple(map(Text, some))) for name, some in texts.items() if some)
        return cls(tuple(terms))

    def __and__(self, other: "Filter") -> "Filter":
        """Both."""
        return Filter((*self.terms, *other.terms))

    def __str__(self) -> str:
        """The canonical text, which `parse` reads as the same filter."""
        return " ".join(map(str, self.terms))

    def matches(self, job: Job, now_ms: int) -> bool:
        """Whether a job has all that the filter asks for."""
        return all(holds(job, now_ms) for _, holds in self._conditions)

    def fits_class(self, asked: Requirements) -> bool:
        """Whether jobs with these requirements can match: false only if none does.

        It judges the terms on fields that all jobs of a class share (`Field.asks`). If the filter has no others, all
        jobs of the class match.
        """
        return all(holds(asked) for holds in self._of_class)

    def states(self) -> frozenset[JobState]:
        """The states of the jobs that can match. A damaged job, which has no state, can match too."""
        possible = [job for job in _EXAMPLES if all(holds(job, 0) for term, holds in self._conditions if _told(term))]
        found = {job.state for job in possible if job.state}
        for term in self.terms:
            found &= frozenset(JobState) if term.negated else _field(term).states
        return frozenset(found)

    def exact(self, name: str) -> frozenset[str] | None:
        """Values of a field, of which every job that matches has at least one; None if the filter names none.

        If several terms name values of the field, these are the fewest.
        """
        named = [frozenset(_texts(term)) for term in self.terms if term.field == name and _is_exact(term)]
        return min(named, key=len, default=None)

    def accepts(self, name: str, *values: str) -> bool:
        """Whether a job with just these values of a field can match."""
        terms = [
            (term, _field(term).kind.test(term.operator, term.values)) for term in self.terms if term.field == name
        ]
        return all(any(fits(value, 0) for value in values) is not term.negated for term, fits in terms)

    def between(self, index: Index, now_ms: int) -> tuple[int | None, int | None]:
        """The first and the last time, in ms, that a job that matches can have in an index of times; None: any.

        `index` is `CREATED` or `ENDED`.
        """
        terms = [term for term in self.terms if _field(term).index is index and not term.negated]
        bounds = [_bounds(term.operator, term.values[0], now_ms) for term in terms]
        first = max((low for low, _ in bounds if low is not None), default=None)
        return first, min((high for _, high in bounds if high is not None), default=None)

    @cached_property
    def _conditions(self) -> list[tuple[Term, Callable[[Job, int], bool]]]:
        return [(term, _condition(term)) for term in self.terms]

    @cached_property
    def _of_class(self) -> list[Callable[[Requirements], bool]]:
        return [holds for term in self.terms if (holds := _class_condition(term)) is not None]


EVERY_JOB = Filter()
"""No condition."""


def _field(term: Term) -> Field:
    field = field_of(term.field)
    if field is None:
        raise ValueError(f"{term.field} is not a field")
    return field


def _condition(term: Term) -> Callable[[Job, int], bool]:
    field = _field(term)
    values, fits, negated = field.values, field.kind.test(term.operator, term.values), term.negated
    return lambda job, now: any(fits(value, now) for value in values(job, now)) is not negated


def _class_condition(term: Term) -> Callable[[Requirements], bool] | None:
    field = _field(term)
    if field.asks is None:
        return None
    asks, fits, negated = field.asks, field.kind.test(term.operator, term.values), term.negated
    return lambda asked: any(fits(value, 0) for value in asks(asked)) is not negated


def _bounds(operator: Operator, limit: Value, now: int) -> tuple[int | None, int | None]:
    """Of a comparison with a time, or with how long ago it is."""
    later = (Operator.ABOVE, Operator.AT_LEAST)
    if isinstance(limit, Duration):
        time, is_first = now - limit.ms, operator not in later
    else:
        time, is_first = cast(Moment, limit).ms, operator in later
    return (time, None) if is_first else (None, time)


def _is_exact(term: Term) -> bool:
    whole = term.operator is Operator.EQUALS or (term.operator is Operator.MATCHES and _field(term).kind.whole)
    return whole and not term.negated and all(isinstance(value, Text) for value in term.values)


def _texts(term: Term) -> Iterator[str]:
    return (value.text for value in term.values if isinstance(value, Text))


def _told(term: Term) -> bool:
    """Whether the examples tell if a job can match a term."""
    return term.field in ("status", "held", "unworkable")


def _example(state: JobState, *, held: bool = False, unworkable: bool = False) -> Job:
    numbers: dict[str, Any] = dict.fromkeys(
        ("priority", "score", "gen", "attempt", "failures", "losses", "releases", "version"), 0
    )
    return Job(
        id="",
        state=state,
        class_id="",
        requirements=Requirements(),
        max_failures=1,
        created_at=0,
        held=held,
        unworkable=unworkable,
        **numbers,
    )


_EXAMPLES = (
    *map(_example, JobState),
    *(_example(state, unworkable=True) for state in WAITING),
    _example(JobState.DELAYED, held=True),
    _example(JobState.DELAYED, held=True, unworkable=True),
)
"""A job of every state, with the marks that it can have there: what terms about these say of a job, they say of all."""
