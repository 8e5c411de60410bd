"""Changes of Python, made by cosmic-ray.

Only its operators are used: its own runner changes the files of the working tree, and takes no sample.
"""

from collections.abc import Iterator
from functools import partial

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names

from tests.mutants.mutant import Mutant

IGNORED = ("BitOr", "Variable", "Eq_Is", "Is_Eq", "IsNot_NotEq")
"""`X | None` is a type, no test can tell `is` from `==`, and the changes of variables must be told which ones."""

GUARDS = ("frozen=", "slots=", "kw_only=", "strict=")
"""They catch a programmer's mistake. Correct code does the same without them, so no test can tell."""


def python_mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every change of a module."""
    lines = text.splitlines()
    nodes = list(ast_nodes(get_ast(text)))
    for name, operator in _operators():
        places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, (line, column) in enumerate(places):
            if not lines[line - 1][:column].endswith(GUARDS):
                change = partial(mutate_code, text, operator, occurrence)
                yield Mutant(path=path, line=line, kind=name, before=text, change=change)


def _operators() -> Iterator[tuple[str, Operator]]:
    for name in operator_names():
        if not any(word in name for word in IGNORED):
            yield name.removeprefix("core/"), get_operator(name)()
