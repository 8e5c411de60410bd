"""From text to a filter."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from emp_core.domain.filter import grammar
from emp_core.domain.filter.fields import FIELDS, Field, field_of
from emp_core.domain.filter.filters import Filter
from emp_core.domain.filter.grammar import Piece, RawTerm
from emp_core.domain.filter.mistakes import closest
from emp_core.domain.filter.tree import COMPARISONS, Operator, Term, Value
from emp_core.domain.filter.worker_fields import WORKER_FIELDS, WorkerField, WorkerFilter
from emp_core.domain.values import shown
from emp_core.errors import FilterError

MAX_LENGTH = 4_000
MAX_TERMS = 64
MAX_VALUE = 256
"""Characters of a value: names in the queue are not longer."""


AnyField: TypeAlias = Field | WorkerField
Find: TypeAlias = Callable[[str], AnyField | None]


def parse(text: str) -> Filter:
    """Read a filter of jobs. Raises `FilterError`, and nothing else, whatever the text is."""
    parsed = Filter(_terms(text, field_of, FIELDS))
    # Quotes and units can make the canonical text the longer one; it must be readable too.
    _refuse_long(text, str(parsed))
    return parsed


def parse_workers(text: str) -> WorkerFilter:
    """Read a filter of workers. Raises `FilterError`, and nothing else, whatever the text is."""
    return WorkerFilter(_terms(text, WORKER_FIELDS.get, WORKER_FIELDS))


def _terms(text: str, find: Find, fields: Mapping[str, AnyField]) -> tuple[Term, ...]:
    _refuse_long(text, text)
    raw = grammar.read(text)
    if len(raw) > MAX_TERMS:
        start = raw[MAX_TERMS].field.start
        raise FilterError(f"has {len(raw)} terms, the limit is {MAX_TERMS}", text, start, start)
    return tuple(_term(text, term, find(term.field.text), fields) for term in raw)


def _refuse_long(text: str, checked: str) -> None:
    if len(checked) > MAX_LENGTH:
        problem = f"has {len(checked):,} characters, the limit is {MAX_LENGTH:,}"
        raise FilterError(problem, text, min(MAX_LENGTH, len(text)), len(text), hint="use several shorter filters")


def _term(text: str, raw: RawTerm, field: AnyField | None, fields: Mapping[str, AnyField]) -> Term:
    if field is None:
        raise _unknown(text, raw.field, fields)
    operator, negated = Operator(raw.operator.text), raw.negated
    if operator not in field.kind.operators:
        usage = field.kind.usage(_shown(field))
        raise FilterError(usage, text, raw.operator.start, raw.operator.end)
    if operator is Operator.DIFFERS:
        operator, negated = Operator.EQUALS, not negated
    if operator is Operator.EQUALS:
        operator = field.kind.equals
    if operator in COMPARISONS and len(raw.values) > 1:
        second = raw.values[1]
        raise FilterError(f"{operator} takes one value", text, second.start, second.end)
    values = tuple(_values(text, field, raw))
    return Term(field.name, operator, values, negated)


def _values(text: str, field: AnyField, raw: RawTerm) -> Iterator[Value]:
    may_be_glob = raw.operator.text == Operator.MATCHES
    for piece in raw.values:
        if not 1 <= len(piece.text) <= MAX_VALUE:
            problem = f"a value must have 1 to {MAX_VALUE} characters"
            hint = "" if piece.text else f"-{_shown(field)}:* finds jobs without a value"
            raise FilterError(problem, text, piece.start, piece.end, hint=hint)
        value = field.kind.read(piece.text, bare=piece.bare and may_be_glob)
        if value is None:
            raise FilterError(field.kind.refusal(_shown(field), piece.text), text, piece.start, piece.end)
        yield value


def _shown(field: AnyField) -> str:
    """Its name, which ends in a label's name or a path as somebody wrote it."""
    return shown(field.name)[1:-1]


def _unknown(text: str, name: Piece, fields: Mapping[str, AnyField]) -> FilterError:
    family, _, member = name.text.partition(".")
    known = {
        other: field.name for field in fields.values() for other in (field.name.partition(".")[0], *field.known_as)
    }
    families = {other.partition(".")[0] for other in fields if "." in other}
    meant = closest(name.text, known)
    if member and (near := closest(family, {each: each for each in families})):
        meant = f"{near}.{shown(member)[1:-1]}"
    suggestion = f"; did you mean {meant}?" if meant else ""
    hint = "" if meant else f"the fields are {', '.join(fields)}"
    return FilterError(f"unknown field {shown(name.text)}{suggestion}", text, name.start, name.end, hint=hint)
