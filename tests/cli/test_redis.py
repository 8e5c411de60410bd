"""`emp redis functions`: emp's libraries on the server."""

import json

from emp_core.store import Store
from emp_core.store.function_library import library
from tests.cli.conftest import Command, Do
from tests.support.builders import submit
from tests.support.changed_library import changed_policy
from tests.support.redis_server import Server

OTHERS = "#!lua name=other\nredis.register_function('other', function() return 1 end)"


async def _use_two_versions(store: Store) -> str:
    """Returns the name of the other version's library."""
    await submit(store)
    with changed_policy(chore_batch=11):
        await submit(store)
        return library().name


def test_functions_of_each_version_are_listed_and_pruned(emp: Command, do: Do[str], server: Server) -> None:
    server.client.function_flush()
    other = do(_use_two_versions)
    server.client.function_load(OTHERS)
    found = [json.loads(line) for line in emp("redis", "functions", "-o", "jsonl").lines]
    assert [(row["library"], row["current"]) for row in found] == [(library().name, True), (other, False)]
    assert emp("redis", "functions").lines[1].split() == [library().name, "35", "this", "version"]
    said = emp("redis", "functions", "--prune")
    assert (said.code, len(said.lines), said.err) == (0, 2, f"dropped {other}\n")
    assert emp("redis", "functions", "--prune").err == "there was nothing to drop\n"
    assert server.client.fcall("other", 0) == 1, "libraries of other programs stay"
    server.client.function_delete("other")


def test_read_only_command_prunes_nothing_and_exits_4(emp: Command, do: Do[str], server: Server) -> None:
    server.client.function_flush()
    do(_use_two_versions)
    assert emp("--read-only", "redis", "functions", "--prune").code == 4
    assert len(server.client.function_list()) == 2
    assert emp("--read-only", "redis", "functions").code == 0


def test_server_without_functions_says_so(emp: Command, server: Server) -> None:
    server.client.function_flush()
    said = emp("redis", "functions")
    assert (said.code, said.out) == (0, "")
    assert said.err == "Redis has no functions of emp; the next program loads them\n"
