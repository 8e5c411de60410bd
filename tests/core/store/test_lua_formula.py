"""Formulas of the domain as Lua."""

import re
from collections.abc import Callable

import pytest

from emp_core.domain import ordering
from emp_core.domain.policy import POLICY, backoff_ms
from emp_core.store.function_library import LUA
from emp_core.store.lua_formula import lua_of


def test_numbers_stand_for_their_names_and_parameters_stay() -> None:
    assert lua_of(ordering.score) == f"((priority * {2**46}) + ({2**46 - 1} - tick))"


def test_functions_and_powers_are_those_of_lua() -> None:
    cap, base = POLICY.backoff_cap_ms, POLICY.backoff_base_ms
    assert lua_of(backoff_ms) == f"(math.min({cap}, ({base} * (2 ^ (failures - 1)))) * jitter)"
    assert lua_of(ordering.priority_of) == f"math.floor(place / {2**46})"


def _too_much(place: int) -> int:
    return abs(place)


def _a_choice(place: int) -> int:
    return 1 if place else 2


@pytest.mark.parametrize("formula", [_too_much, _a_choice])
def test_what_cannot_be_written_in_lua_is_an_error_that_names_the_function(
    formula: Callable[[int], int],
) -> None:
    with pytest.raises(TypeError, match=formula.__name__):
        lua_of(formula)


def test_no_script_has_a_number_of_the_order_of_its_own() -> None:
    numbers = (str(2**46), str(2**46 - 1), str(ordering.EPOCH_MS))
    texts = {path.name: path.read_text() for path in LUA.rglob("*.lua")}
    assert [(name, number) for name, text in texts.items() for number in numbers if re.search(number, text)] == []
