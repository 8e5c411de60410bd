"""What is typed for an option or an argument, read into its type."""

from types import SimpleNamespace
from typing import Any

import pytest
import typer

from emp_cli.output.layout import Format
from emp_cli.typed import TypedValue


def read(kind: Any, value: object, low: float | None = None, high: float | None = None, *, many: bool = False) -> Any:
    descriptor = SimpleNamespace(annotation=kind)
    param = SimpleNamespace(name="x", type_descriptor=descriptor, multiple=many, nargs=1, min=low, max=high)
    return TypedValue().coerce(value, param, None)


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        (str, "a", "a"),
        (int, "12", 12),
        (int, 12, 12),
        (float, "0.5", 0.5),
        (Format, "json", Format.JSON),
        (Format, Format.JSON, Format.JSON),
        (bool, "Yes", True),
        (bool, " off ", False),
        (bool, "", False),
        (int, None, None),
    ],
)
def test_value_is_read_into_the_type_of_its_parameter(kind: type, typed: object, value: object) -> None:
    assert read(kind, typed) == value


def test_repeated_option_is_a_list() -> None:
    assert read(list[Format], ("json", "csv"), many=True) == [Format.JSON, Format.CSV]
    assert read(list[str], None, many=True) == ()


@pytest.mark.parametrize(
    ("kind", "typed", "problem"),
    [
        (int, "1.5", "must be a whole number"),
        (float, "x", "must be a number"),
        (bool, "perhaps", "must be true or false"),
        (Format, "JSON", "'JSON' is not one of 'table'"),
        (int, "0", "must be greater than or equal to 1"),
        (int, "1001", "must be less than or equal to 1000"),
        (float, "nan", "must be greater than or equal to 1"),
    ],
)
def test_wrong_value_is_refused_with_what_it_must_be(kind: type, typed: str, problem: str) -> None:
    with pytest.raises(typer.BadParameter, match=problem):
        read(kind, typed, 1, 1000)
