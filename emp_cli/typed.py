"""Reads what was typed for an option or an argument.

Typer would import pydantic to do it, which takes longer than all else that a short command does.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, get_args

import typer

from emp_core import checks


class TypedValue:
    """Stands in for Typer's reader of the same name of method."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value in the type of its parameter. Raises `BadParameter`."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        kind = param.type_descriptor.annotation
        try:
            return [_read(each, get_args(kind)[0], param) for each in value] if many else _read(value, kind, param)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error


def _read(value: Any, kind: type, param: Any) -> Any:
    """Raises `ValueError` with what it must be."""
    if issubclass(kind, StrEnum):
        return _choice(value, kind)
    if kind is bool:  # from a variable: a flag is typed without a value
        return bool(value.strip()) and checks.yes_or_no(value)
    if kind is int:
        return _within(checks.whole_number(str(value)), param.min, param.max)
    if kind is float:
        return _within(_number(value), param.min, param.max)
    if kind is str:
        return str(value)
    raise TypeError(f"emp_cli.typed reads no {kind.__name__}, as {param.name} is")


def _choice(value: Any, kind: type[StrEnum]) -> StrEnum:
    if value in list(kind):
        return kind(value)
    raise ValueError(f"{value!r} is not one of {', '.join(repr(str(each)) for each in kind)}.")


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError("must be a number") from None


def _within(number: float, low: float | None, high: float | None) -> float:
    # `not` in front, because no comparison with NaN is true.
    if low is not None and not number >= low:
        raise ValueError(f"must be greater than or equal to {low:g}")
    if high is not None and not number <= high:
        raise ValueError(f"must be less than or equal to {high:g}")
    return number


def read_plainly(params: Sequence[Any]) -> None:
    """Have these parameters of a command read their values in this way."""
    for param in params:
        param.get_runtime_param = TypedValue
