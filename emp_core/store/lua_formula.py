"""Writes a formula of the domain as Lua, so that it stands in one place: a Python function that returns one expression.

The expression may hold the function's parameters, short numbers, whole numbers of its module, numbers of `POLICY`,
arithmetic, and `min`, `max`, `int` and `log10`. Whole numbers stay exact up to 2^53.
"""

import ast
import inspect
from collections.abc import Callable

from emp_core.domain.policy import POLICY

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
    ast.Pow: "^",
}
_FUNCTIONS = {"min": "math.min", "max": "math.max", "int": "math.floor", "log10": "math.log10"}


def lua_of(formula: Callable[..., float]) -> str:
    """The Lua expression of what a function returns, in the names of its parameters."""
    function = ast.parse(inspect.getsource(formula)).body[0]
    assert isinstance(function, ast.FunctionDef)
    returned = function.body[-1]
    assert isinstance(returned, ast.Return)
    return _lua(returned.value, formula)


def _lua(node: ast.expr | None, formula: Callable[..., float]) -> str:
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
    raise TypeError(f"{formula.__name__}: cannot write {ast.dump(node) if node else None} in Lua")
