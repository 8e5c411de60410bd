"""The header is the calling convention, and it runs."""

import re
from pathlib import Path
from typing import Any

import pytest

from emp_core.store import Store
from emp_core.store.lua_library import gather, parts_of
from emp_core.store.scripts import LUA, assemble, read_header, script, script_names
from tests.support.builders import register, submit

STORES_ONLY = {"submit_jobs", "import_jobs", "set_limit", "keep_preview"}
"""They may be refused by a full Redis; all others must go on."""

READS_ONLY = {"export_jobs", "find_jobs", "unjudged_classes"}


@pytest.mark.parametrize("name", script_names())
def test_s8_the_flags_are_those_of_the_contract(name: str) -> None:
    wanted = "" if name in STORES_ONLY else "no-writes" if name in READS_ONLY else "allow-oom"
    assert script(name).header.flags == wanted
    assert assemble(name).splitlines()[0] == "#!lua" + (f" flags={wanted}" if wanted else "")


@pytest.mark.parametrize("name", script_names())
def test_a_script_says_what_it_does_and_answers(name: str) -> None:
    text = (LUA / f"{name}.lua").read_text()
    assert text.startswith(f"-- {name}: ")
    assert re.search(r"^-- RETURNS \S", text, re.MULTILINE)
    assert re.search(r"^-- DERIVES \S", text, re.MULTILINE)
    assert script(name).header.keys == ("schema",)


@pytest.mark.parametrize("name", script_names())
def test_every_name_in_a_header_is_used(name: str) -> None:
    header, text = script(name).header, (LUA / f"{name}.lua").read_text()
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    names = [argument for argument, _ in header.arguments] + ([f"{header.rest}_at"] if header.rest else [])
    assert [argument for argument in names if not re.search(rf"\b{argument}\b", body)] == []
    assert {kind for _, kind in header.arguments} <= {"str", "int", "float"}


@pytest.mark.parametrize("name", script_names())
def test_every_script_has_its_test_file(name: str) -> None:
    assert (Path(__file__).parent / "lua" / f"test_{name}.py").exists()


@pytest.mark.parametrize("path", sorted((LUA / "lib").glob("*.lua")), ids=lambda path: path.stem)
def test_a_library_file_names_what_it_uses(path: Path) -> None:
    text = path.read_text()
    header = read_header(text)
    assert text.startswith(f"-- {path.stem}: ")
    declared = {name for part in parts_of(text, header.rare) for name in part.names}
    assert set(header.rare) <= declared
    assert all((LUA / "lib" / f"{used}.lua").exists() for used in header.uses)


async def test_every_script_compiles(store: Store) -> None:
    for name in script_names():
        await store.link.client.script_load(script(name).text)


async def test_a_missing_or_an_unknown_name_is_said_with_the_file(store: Store) -> None:
    with pytest.raises(TypeError, match=r"cancel_job\.lua .*missing or unknown: by, customer, owner, reason"):
        await store.link.run("cancel_job", id="x", owner="y", worker="")
    with pytest.raises(TypeError, match=r"delete_jobs: a record has the fields"):
        await store.link.run("delete_jobs", [("one", "two")], customer="", by="", reason="")


async def test_r19_it_works_after_script_flush(store: Store) -> None:
    worker = await register(store)
    await submit(store)
    claim = await worker.take()
    await store.link.client.script_flush()
    assert await worker.complete(claim) == "ok"


class _Forgetful:
    """A client that has the scripts flushed before each use by name."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.eval = client.eval

    async def evalsha(self, *arguments: Any) -> Any:
        await self._client.script_flush()
        return await self._client.evalsha(*arguments)


async def test_r19_it_works_on_a_redis_that_forgets_at_once(store: Store) -> None:
    forgetful = _Forgetful(store.link.client)
    for _ in range(3):
        assert await script("forget_workers")(forgetful, "{emp}:schema", keep=1, batch=1) == 0


def test_the_bindings_keep_the_lines_of_the_file() -> None:
    source, text = (LUA / "hold_job.lua").read_text().splitlines(), assemble("hold_job").splitlines()
    at = source.index("note_order(job, 'done', 'held')")
    assert text[at + 1] == source[at]


def test_numbers_of_the_policy_come_by_their_names() -> None:
    assert "POLICY." not in "".join(assemble(name) for name in script_names())


LIBRARY = """-- demo: a library.
local one = 1

local function first()
  return one
end

-- A comment.
local function second()
  return first() + 1
end

local a, b = 1, 2
"""


def test_a_script_gets_only_what_it_reaches() -> None:
    parts = parts_of(LIBRARY, rare=())
    assert [part.names for part in parts] == [("one",), ("first",), ("second",), ("a", "b")]
    assert gather("return first()", parts) == "local one = 1 local function first() return one end"
    assert gather("return 1", parts) == ""


def test_what_rare_functions_share_is_built_once() -> None:
    parts = parts_of(LIBRARY, rare=("second",))
    text = gather("return second()", parts, once=["first"])
    assert text.startswith("local one = 1 local function first() return one end local function second(...)  local")


async def test_a_record_has_the_fields_that_are_given(store: Store) -> None:
    text = assemble("submit_jobs")
    record = text[text.index("local function jobs_record") : text.index("; return (function()")]
    ask = f"#!lua\n{record} local r = jobs_record(2) return {{ r.id, tostring(r.class), r.requirements, ARGV[1] }}"
    assert await store.link.call("EVAL", ask, 0, "before", "a", "", "{}") == [b"a", b"nil", b"{}", b"before"]


def test_a_rare_function_is_built_when_it_is_called() -> None:
    parts = parts_of(LIBRARY, rare=("second",))
    text = gather("return second()", parts)
    assert text.startswith("local one = 1 local function second(...) local function first()")
    assert text.endswith("return second(...) end")


def test_a_variable_that_only_rare_functions_use_is_built_once() -> None:
    """Else each of them would have one of its own, such as a budget for the whole call."""
    library = """local left = 2
local known = {}
local table = { 1, 2 }
local function use() left = left - 1 known[left] = table end
local function one() use() end
local function other() use() end
"""
    text = gather("one() other()", parts_of(library, rare=("one", "other")))
    assert [text.count(name) for name in ("local left", "local known", "local table")] == [1, 1, 2]
