"""emp doctor: a line for each check, the command that mends a fault, and exit 1 if one failed."""

import json
from pathlib import Path

import pytest

from emp_core.store import Store
from emp_core.store.server import SCHEMA
from tests.cli.conftest import Command, Do
from tests.support.builders import register, submit
from tests.support.redis_server import Server
from tests.support.time_travel import end_lease

HOSTILE = "\x1b[2Jgone\N{RIGHT-TO-LEFT OVERRIDE}"


def test_a_queue_that_works_is_checked_and_exits_0(emp: Command, do: Do[object]) -> None:
    do(register)
    do(submit)
    said = emp("doctor")
    assert said.code == 0, said.out
    assert [line for line in said.lines if line.startswith("fail")] == []
    assert "warn  durability   no append-only file" in said.out
    assert "fix: redis-cli CONFIG SET appendonly yes" in said.out


def test_on_a_narrow_terminal_no_word_is_broken(emp: Command, do: Do[object], narrow_terminal: None) -> None:
    do(register)
    do(submit)
    said = emp("doctor")
    assert max(len(line) for line in said.lines if "/" not in line) <= 80, "only a path may be longer"
    words = " ".join(said.out.split())
    assert "warn durability no append-only file: a restart of Redis loses the queue" in words
    assert "fix: redis-cli CONFIG SET appendonly yes, and the same in redis.conf" in words


def test_checks_as_json_are_an_array_of_name_state_found_and_fix(emp: Command) -> None:
    found = json.loads(emp("doctor", "--format", "json").out)
    assert {tuple(check) for check in found} == {("schema_version", "name", "state", "found", "fix")}
    assert {check["state"] for check in found} <= {"ok", "warn", "fail"}
    names = [check["name"] for check in found]
    assert {"redis", "eviction", "latency", "schema", "leases", "quarantine", "hub", "workers"} <= set(names)
    assert emp("doctor", "-o", "ids").lines == list(dict.fromkeys(names))


async def _leave_overdue(store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    await worker.take()
    await end_lease(store, job, 60_000)


def test_failed_check_exits_1(emp: Command, do: Do[object]) -> None:
    do(_leave_overdue)
    said = emp("doctor")
    assert said.code == 1
    assert "fail  chores" in said.out
    assert "1 leases that ended" in said.out


def test_redis_that_does_not_answer_is_a_check_and_exits_5(emp: Command) -> None:
    said = emp("doctor", "--redis", "redis://127.0.0.1:1/0", "-o", "json")
    assert said.code == 5
    redis, *rest = json.loads(said.out)
    assert (redis["name"], redis["state"]) == ("redis", "fail")
    assert "cannot reach Redis" in redis["found"]
    assert redis["fix"]
    assert [check["name"] for check in rest] == ["hub", "disk", "gpus"]


def test_evicting_redis_that_every_other_command_refuses_is_examined(emp: Command, server: Server) -> None:
    server.client.config_set("maxmemory", "1gb")
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert emp("summary").code == 2
        said = emp("doctor")
    finally:
        server.client.config_set("maxmemory", "0")
        server.client.config_set("maxmemory-policy", "noeviction")
    assert said.code == 1
    assert "fail  eviction" in said.out
    assert "fix: redis-cli CONFIG SET maxmemory-policy noeviction" in said.out
    assert "ok    latency" in said.out


@pytest.mark.damages
def test_queue_of_another_version_is_examined_as_far_as_it_can_be(emp: Command, server: Server) -> None:
    server.client.set("{emp}:schema", "99")
    said = emp("doctor")
    assert said.code == 1
    assert f"has schema 99, this emp reads {SCHEMA}" in said.out


def test_hub_that_does_not_answer_fails(emp: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_WS_URL", "ws://127.0.0.1:1")
    said = emp("doctor")
    assert said.code == 1
    assert "fail  hub" in said.out
    assert "the hub at http://127.0.0.1:1 does not answer" in said.out


async def _enter_hostile(store: Store) -> None:
    await register(store, probed=f"comfyui=down\ncomfyui 1767225600000 {HOSTILE}", info={"version": HOSTILE})


def test_texts_of_workers_do_not_act_on_the_terminal(emp: Command, do: Do[object]) -> None:
    do(_enter_hostile)
    for form in ("table", "json", "csv"):
        said = emp("doctor", "-o", form)
        assert "gone" in said.out
        assert not {"\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}"} & set(said.out)


def test_password_of_the_queue_is_not_shown(emp: Command) -> None:
    said = emp("doctor", "--redis", "redis://ann:hunter2@127.0.0.1:1/0")
    assert "hunter2" not in said.out + said.err


def test_disks_of_the_data_directory_and_of_job_files_are_checked(
    emp: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARTIFACTS_URL", (tmp_path / "my files").as_uri())
    found = [check["found"] for check in json.loads(emp("doctor", "-o", "json").out) if check["name"] == "disk"]
    assert len(found) == 2
    assert " free for the data directory in " in found[0]
    assert found[1].endswith(f" free for job files in {tmp_path / 'my files'}")
