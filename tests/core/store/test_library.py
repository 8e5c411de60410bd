"""The library of Lua functions: how its files are put together, loaded and called."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from emp_core.errors import QueueUnavailable
from emp_core.store import Store, open_store
from emp_core.store.function_library import LUA, MODULES, function_names, library
from emp_core.store.functions import Functions, function
from tests.support.builders import make_request, register, submit
from tests.support.changed_library import ask, changed_policy
from tests.support.lua_bytecode import compiled, fields_read, globals_used, kept_and_written, local_names

STORES_ONLY = {"submit_jobs", "import_jobs", "set_limit", "keep_preview"}
"""They may be refused by a full Redis; all others must go on."""

BROUGHT = {
    *("bit", "cjson", "math", "string", "struct", "table"),
    *("error", "ipairs", "next", "pairs", "pcall", "tonumber", "tostring", "type", "unpack"),
}
"""The globals that the library uses."""

READS_ONLY = {"export_jobs", "find_jobs", "unjudged_classes"}


@pytest.mark.parametrize("name", function_names())
async def test_s8_the_flags_are_those_of_the_contract(name: str, store: Store) -> None:
    wanted = () if name in STORES_ONLY else ("no-writes",) if name in READS_ONLY else ("allow-oom",)
    assert function(name).header.flags == wanted


@pytest.mark.parametrize("name", function_names())
def test_a_function_says_what_it_does_and_answers(name: str) -> None:
    text = (LUA / f"{name}.lua").read_text()
    assert text.startswith(f"-- {name}: ")
    assert re.search(r"^-- RETURNS \S", text, re.MULTILINE)
    assert re.search(r"^-- DERIVES \S", text, re.MULTILINE)


@pytest.mark.parametrize("name", function_names())
def test_a_function_takes_what_its_header_names(name: str) -> None:
    header, text = function(name).header, (LUA / f"{name}.lua").read_text()
    found = re.search(r"^return function\((.*)\)$", text, re.MULTILINE)
    assert found is not None
    records = ["records"] if header.fields else []
    assert found[1].split(", ") == ["this", *(argument for argument, _ in header.arguments), *records]
    assert {kind for _, kind in header.arguments} <= {"str", "int", "float"}


@pytest.mark.parametrize("name", function_names())
def test_every_function_has_its_test_file(name: str) -> None:
    assert (Path(__file__).parent / "lua" / f"test_{name}.py").exists()


def test_every_module_is_in_the_library() -> None:
    files = {path.stem for path in (LUA / "lib").glob("*.lua")}
    assert {*MODULES, "prelude", "call"} == files
    assert len(set(MODULES)) == len(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_uses_those_before_it_only(name: str) -> None:
    text = (LUA / "lib" / f"{name}.lua").read_text()
    assert text.startswith(f"-- {name}: ")
    after = MODULES[MODULES.index(name) + 1 :]
    assert [other for other in after if re.search(rf"(?<![.\w']){other}\.\w", text)] == []


def _offered(name: str) -> list[str]:
    _, _, table = (LUA / "lib" / f"{name}.lua").read_text().rpartition("return {")
    return re.findall(r"^  (\w+) = ", table, re.MULTILINE)


async def test_a_call_changes_nothing_that_outlives_it(store: Store) -> None:
    code = await compiled(store.link, library().text)
    names = {use.name for use in globals_used(code)}
    assert names == BROUGHT | {"redis"}, "each global is brought by lib/prelude.lua"
    assert list(globals_used(code, written=True)) == []
    written = {(library().place(use.line).partition(":")[0], use.name) for use in kept_and_written(code)}
    assert written == {("lib/call.lua", name) for name in BROUGHT | {"redis", "call", "clustered"}}, "first call"


async def test_names_of_modules_mean_modules_and_have_what_is_asked_of_them(store: Store) -> None:
    code = await compiled(store.link, library().text)
    assert local_names(code).intersection(MODULES) == set()
    offered = {f"{name}.{each}" for name in MODULES for each in _offered(name)}
    asked = {use.name: library().place(use.line) for use in fields_read(code) if use.name.partition(".")[0] in MODULES}
    assert {name: place for name, place in asked.items() if name not in offered} == {}
    assert offered - set(asked) == set(), "nobody uses them"


async def test_queues_with_other_prefixes_do_not_meet(store: Store) -> None:
    other = await open_store(store.url, "{other}:")
    try:
        await submit(store)
        await other.broker.submit(make_request())
        await submit(store)
        queues = [store.link, other.link]
        assert [int(await link.call("HGET", link.key("counts"), "pending")) for link in queues] == [2, 1]
    finally:
        async for names in other.link.scan("", 1_000):
            await other.link.call("UNLINK", *[other.link.key(name) for name in names])
        await other.close()


async def test_a_call_that_fails_in_the_middle_leaves_nothing_to_the_next(store: Store) -> None:
    act = "function() counters.count_one(this, 'pending', 0) call('NO SUCH COMMAND') end"
    with pytest.raises(ResponseError):
        await ask(store.link, f"return counters.counting(this, {act})")
    assert await ask(store.link, "return { this.counts == nil and 1 or 0, this.waiting or -1 }") == [1, -1]


async def test_an_error_names_the_file_and_its_line(store: Store) -> None:
    line = (LUA / "lib" / "jobs.lua").read_text().splitlines().index("local function claim_of(job)") + 2
    made = library()
    with pytest.raises(ResponseError) as failed:
        await ask(store.link, "return jobs.claim_of({})")
    assert f"lib/jobs.lua:{line}" in made.located(str(failed.value))


async def test_a_missing_or_an_unknown_name_is_said_with_the_function(store: Store) -> None:
    with pytest.raises(TypeError, match=r"cancel_job .*missing or unknown: by, customer, owner, reason"):
        await store.link.run("cancel_job", id="x", owner="y", worker="")
    with pytest.raises(TypeError, match=r"delete_jobs: a record has the fields"):
        await store.link.run("delete_jobs", [("one", "two")], customer="", by="", reason="")


async def test_a_record_has_the_fields_that_are_given(store: Store) -> None:
    await submit(store, id="whole")
    answers = await store.link.run("delete_jobs", [("whole",), ("none",)], customer="", by="", reason="")
    assert answers == [b"pending", b"gone"]


async def test_r19_it_works_after_function_flush(store: Store) -> None:
    worker = await register(store)
    await submit(store)
    claim = await worker.take()
    await store.link.client.function_flush()
    assert await worker.complete(claim) == "ok"


async def test_r23_a_version_that_is_not_loaded_is_told_what_to_do(store: Store, full: Callable[[bool], None]) -> None:
    worker = await register(store)
    await submit(store)
    claim = await worker.take()
    await store.link.client.function_flush()
    full(True)
    with pytest.raises(QueueUnavailable, match="does not have the functions of this version") as refused:
        await worker.complete(claim)
    assert refused.value.code == "storage_full"
    assert refused.value.hint == "raise maxmemory, or delete ended jobs with the version that runs"
    full(False)
    assert await worker.complete(claim) == "ok"


class _Forgetful:
    """Passes calls on to a server that drops all functions before each of the first ones."""

    def __init__(self, store: Store, times: int) -> None:
        self._store = store
        self._times = times

    async def execute_command(self, *arguments: Any) -> Any:
        if self._times:
            self._times -= 1
            await self._store.link.client.function_flush()
        return await self._store.link.client.execute_command(*arguments)


async def test_r19_it_works_if_somebody_drops_the_functions_once_more(store: Store) -> None:
    functions = Functions(store.link.client, _Forgetful(store, 3))
    assert await functions.call("forget_workers", store.link.key("schema"), [], {"keep": 1, "batch": 1}) == 0


async def test_functions_that_are_dropped_again_and_again_are_an_outage(store: Store) -> None:
    functions = Functions(store.link.client, _Forgetful(store, 1_000))
    with pytest.raises(QueueUnavailable, match="loses emp's functions"):
        await functions.call("forget_workers", store.link.key("schema"), [], {"keep": 1, "batch": 1})


async def test_two_versions_side_by_side_do_not_meet(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    with changed_policy(chore_batch=11):
        assert (await worker.take()).job_id == job
        other = library().name
    assert library().name != other
    again = await submit(store)
    assert (await worker.take()).job_id == again


async def test_a_function_that_is_missing_for_many_calls_is_loaded_once(store: Store) -> None:
    await store.link.client.function_flush()
    before = await _loads(store)
    await asyncio.gather(*(submit(store) for _ in range(50)))
    assert await _loads(store) - before == 1


async def _loads(store: Store) -> int:
    return int((await store.link.info("commandstats")).get("cmdstat_function|load", {"calls": 0})["calls"])
