"""The changes that `make mutants` tries."""

import pytest

from tests.generated import ROOT
from tests.mutants.lua import lua_mutants
from tests.mutants.mutant import sample
from tests.mutants.python import python_mutants
from tests.mutants.trial import stages


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("if a == 1 then", {"if not (a == 1) then", "if a ~= 1 then", "if a == 2 then", "if a == 0 then"}),
        ("while not a do end", {"while not (not a) do end", "while  a do end"}),
        ("x = a >= b and c or d", {"x = a > b and c or d", "x = a >= b or c or d", "x = a >= b and c and d"}),
        ("x = 1 + y", {"x = 2 + y", "x = 0 + y", "x = 1 - y"}),
        ("x = f(-1)", {"x = f(-2)", "x = f(-0)"}),
        ("call('DEL', key)", {""}),
        ("local x = 'active'", {"local x = 'cancelling'"}),
        ("local x = call('GET', 'a 1') -- 1 < 2 and 3", set()),
    ],
)
def test_the_changes_of_a_line_of_lua(before: str, after: set[str]) -> None:
    assert {mutant.after for mutant in lua_mutants("x.lua", before)} == after


def test_a_call_is_left_out_only_if_it_is_a_statement() -> None:
    text = "if a then b() end\nlocal c = d()\n-- e.\nf(g())\nreturn h() or\n  i()\n"
    left_out = [mutant.difference for mutant in lua_mutants("x.lua", text) if mutant.kind == "left out"]
    assert left_out == [["- if a then b() end", "+ if a then  end"], ["- f(g())", "+ "]]


def test_the_changes_of_python_are_made_one_at_a_time_and_know_their_line() -> None:
    found = {(mutant.line, mutant.after) for mutant in python_mutants("x.py", "a = 1\nb = a == 2 and c\n")}
    assert {
        (1, "a = 2\nb = a == 2 and c\n"),
        (2, "a = 1\nb = a == 2 or c\n"),
        (2, "a = 1\nb = a != 2 and c\n"),
    } <= found


def test_a_seed_names_the_same_changes_and_another_seed_others() -> None:
    path = "emp_core/store/lua/lib/waking.lua"
    every = list(lua_mutants(path, (ROOT / path).read_text(encoding="utf-8")))
    assert sample(every, 9, seed=7) == sample(every, 9, seed=7) != sample(every, 9, seed=8)
    assert len({mutant.place for mutant in sample(every, 9, seed=7)}) == 9


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("emp_core/store/lua/hold_job.lua", "tests/core/store/lua/test_hold_job.py"),
        ("emp_core/store/lua/lib/waking.lua", "tests/core/store/lua/test_register_worker.py"),
        ("emp_core/domain/matching.py", "tests/core/domain/test_matching.py"),
        ("emp_core/store/outlook.py", "tests/core/client/test_standing.py"),
    ],
)
def test_the_tests_that_use_a_file_run_first_and_then_its_folder(path: str, near: str) -> None:
    nearest, folder, *_ = stages(path)
    assert near in nearest
    assert len(folder) == 1
