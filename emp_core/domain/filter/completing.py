"""What may come next in a filter that is being typed: from the grammar, the table of fields, and live values."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emp_core.domain.filter import grammar
from emp_core.domain.filter.fields import FIELDS, field_of
from emp_core.domain.filter.grammar import piece_of
from emp_core.domain.filter.parsing import MAX_LENGTH, AnyField
from emp_core.domain.filter.tree import COMPARISONS, Operator, quoted

if TYPE_CHECKING:
    from lark import Token

LiveValues = Callable[[str, str], Iterable[str]]
"""Values of a field that begin with a prefix. For a family, such as `label`, the names of its members."""


_BEFORE_VALUE = ("OPERATOR", "COMMA")
"""Tokens behind which a value stands."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that may stand in place of what was typed from `start` up to the cursor."""

    text: str
    start: int
    help: str = ""


def complete(text: str, cursor: int, values: LiveValues, fields: Mapping[str, AnyField] = FIELDS) -> list[Completion]:
    """What may stand at the cursor; nothing if the text before it is no beginning of a filter.

    `fields` are those of jobs, or `WORKER_FIELDS`.
    """
    typed = text[:cursor]
    if len(typed) > MAX_LENGTH:
        return []
    tokens, rest = grammar.begin(typed)
    last = tokens[-1].type if tokens else ""
    if rest.startswith('"') and last in _BEFORE_VALUE:
        return list(_values(tokens, rest[1:], len(typed) - len(rest), values, fields))
    if rest or last == "QUOTED":
        return []
    if last in _BEFORE_VALUE:
        return list(_values(tokens, "", len(typed), values, fields))
    if last == "WORD":
        return list(_values(tokens[:-1], tokens[-1], len(typed) - len(tokens[-1]), values, fields))
    partial = str(tokens[-1]) if last == "FIELD" else ""
    return list(_fields(partial, len(typed) - len(partial), values, fields))


def _fields(partial: str, start: int, values: LiveValues, fields: Mapping[str, AnyField]) -> Iterator[Completion]:
    family, dot, member = partial.partition(".")
    if dot:
        if any(name.startswith(f"{family}.") for name in fields):
            names = filter(grammar.is_field, (f"{family}.{name}" for name in values(family, member)))
            yield from (Completion(f"{name}:", start) for name in names if name.startswith(partial))
        return
    for field in fields.values():
        family, dot, _ = field.name.partition(".")
        if field.name == partial:
            yield from (Completion(f"{partial}{operator}", start, field.help) for operator in field.kind.operators)
        elif family.startswith(partial):
            yield Completion(f"{family}{dot or field.kind.operators[0]}", start, field.help)


def _values(
    tokens: Sequence["Token"], partial: str, start: int, values: LiveValues, fields: Mapping[str, AnyField]
) -> Iterator[Completion]:
    """Values for the last term, which ends before the one that is being typed; none that it has already."""
    begin = max(at for at, token in enumerate(tokens) if token.type == "FIELD")
    name, operator = tokens[begin], Operator(tokens[begin + 1])
    field = field_of(name) if fields is FIELDS else fields.get(name)
    if field is None or operator in COMPARISONS:
        return
    used = {piece_of(token).text for token in tokens[begin + 2 :]}
    fixed = field.kind.choices
    for value in dict.fromkeys((*fixed, *values(field.name, partial))):
        if value.startswith(partial) and value not in used:
            yield Completion(quoted(value), start, fixed.get(value, ""))
