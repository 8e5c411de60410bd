"""Writes a formula of the domain as Lua, so that it stands in one place: a Python function that returns one expression.

The expression may hold the function's parameters, short numbers, whole numbers of its module, numbers of `POLICY`,
arithmetic, `min`, `max` and `int`, or it chooses a text by the steps that a number has reached:
`TEXTS[bisect_right(STEPS, number)]`. Whole numbers stay exact up to 2^53.
"""

import ast
import inspect
from collections.abc import Callable, Sequence

from emp_core.domain.policy import POLICY

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
    ast.Pow: "^",
}
_FUNCTIONS = {"min": "math.min", "max": "math.max", "int": "math.floor"}


def lua_of(formula: Callable[..., float | str]) -> str:
    """The Lua expression of what a function returns, in the names of its parameters."""
    function = ast.parse(inspect.getsource(formula)).body[0]
    assert isinstance(function, ast.FunctionDef)
    returned = function.body[-1]
    assert isinstance(returned, ast.Return)
    return _lua(returned.value, formula)


def _lua(node: ast.expr | None, formula: Callable[..., float | str]) -> str:
    match node:
        case ast.Constant(value=int() | float() as number):
            return f"{number:g}"
        case ast.Name(id=name) if name in inspect.signature(formula).parameters:
            return name
        case ast.Name(id=name):
            return str(int(inspect.unwrap(formula).__globals__[name]))
        case ast.Attribute(value=ast.Name(id="POLICY"), attr=name):
            return str(getattr(POLICY, name))
        case ast.BinOp(left=left, op=ast.FloorDiv(), right=right):
            return f"math.floor({_lua(left, formula)} / {_lua(right, formula)})"
        case ast.BinOp(left=left, op=operator, right=right):
            return f"({_lua(left, formula)} {_OPERATORS[type(operator)]} {_lua(right, formula)})"
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _FUNCTIONS:
            return f"{_FUNCTIONS[name]}({', '.join(_lua(argument, formula) for argument in arguments)})"
        case ast.Subscript(
            value=ast.Name(id=texts),
            slice=ast.Call(func=ast.Name(id="bisect_right"), args=[ast.Name(id=steps), number]),
        ):
            known = inspect.unwrap(formula).__globals__
            return _choice(_lua(number, formula), known[steps], known[texts])
    raise TypeError(f"{formula.__name__}: cannot write {ast.dump(node) if node else None} in Lua")


def _choice(number: str, steps: Sequence[int], texts: Sequence[str]) -> str:
    """Halves the steps until one text is left."""
    if not steps:
        return f"'{texts[0]}'"
    half = len(steps) // 2
    below = _choice(number, steps[:half], texts[: half + 1])
    return f"({number} < {steps[half]} and {below} or {_choice(number, steps[half + 1 :], texts[half + 1 :])})"
