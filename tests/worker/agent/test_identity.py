"""Ids that are free, and processes that are gone for sure."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from daemons.process import is_alive
from daemons.worker.agent.identity import about_me, dead_boot, free_id, machine_name
from emp_core.domain.worker import WorkerState
from emp_core.store import Life, Store
from tests.support.builders import make_capabilities
from tests.support.waiting import poll_until


async def register(store: Store, worker: str, machine: str, info: dict[str, Any]) -> None:
    offered = make_capabilities()
    life = Life(worker=worker, boot=f"boot-{worker}", profile=offered.profile_id, lease_ms=30_000)
    answer = await store.registry.register(life, offered, machine=machine, waiter="w", slots=1, info=info)
    await store.registry.judge(life, offered, answer.profile_number)


def about_the_dead() -> dict[str, Any]:
    """What a process says of itself that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    began = round(psutil.Process(process.pid).create_time() - psutil.boot_time(), 1)
    process.wait()
    return {**about_me(), "pid": process.pid, "pid_began": began}


@pytest.fixture
def zombie() -> Iterator[dict[str, Any]]:
    """What a process says of itself that was killed, and whose parent does not reap it."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    about = psutil.Process(process.pid)
    began = round(about.create_time() - psutil.boot_time(), 1)
    process.kill()
    poll_until(lambda: about.status() == psutil.STATUS_ZOMBIE, "it is a zombie")
    yield {**about_me(), "pid": process.pid, "pid_began": began}
    process.communicate()


async def test_killed_process_that_nobody_reaped_is_gone(store: Store, zombie: dict[str, Any]) -> None:
    await register(store, "gpu1:0", "gpu1", zombie)
    assert await dead_boot(store, "gpu1:0", "gpu1") == "boot-gpu1:0"
    assert not is_alive(zombie)


def test_process_is_alive_only_if_that_is_certain() -> None:
    assert is_alive(about_me())
    assert not is_alive({**about_me(), "pid_space": "another kernel or container"})
    assert not is_alive({})


def test_a_process_tells_enough_to_know_it_again() -> None:
    about = about_me()
    assert about["pid"] == os.getpid()
    assert about["pid_began"] > 0
    assert about["pid_space"]


def test_a_clock_that_is_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = about_me()
    began, boot = psutil.Process.create_time, psutil.boot_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: began(process) + 3_600)
    monkeypatch.setattr(psutil, "boot_time", lambda: boot() + 3_600)
    assert about_me() == before


@pytest.mark.parametrize(
    ("changes", "machine", "gone"),
    [
        ({}, "gpu1", True),
        ({}, "gpu2", False),
        ({"pid_space": "another kernel or container"}, "gpu1", False),
        ({"pid": os.getpid()}, "gpu1", True),
        ({"pid": os.getpid(), "pid_began": about_me()["pid_began"]}, "gpu1", False),
    ],
)
async def test_a_process_is_gone_only_where_that_is_certain(
    store: Store, changes: dict[str, Any], machine: str, gone: bool
) -> None:
    """Another process may have the number of one that is gone; another container may have the same numbers."""
    await register(store, "gpu1:0", machine, {**about_the_dead(), **changes})
    assert await dead_boot(store, "gpu1:0", "gpu1") == ("boot-gpu1:0" if gone else "")


async def test_a_worker_that_told_nothing_of_its_process_may_live(store: Store) -> None:
    await register(store, "gpu1:0", "gpu1", {})
    assert await dead_boot(store, "gpu1:0", "gpu1") == ""


async def test_an_id_that_nobody_had_is_not_gone(store: Store) -> None:
    assert await dead_boot(store, "gpu1:0", "gpu1") == ""


async def test_the_first_index_that_nobody_alive_has_is_free(store: Store) -> None:
    await register(store, "gpu1:0", "gpu1", about_me())
    await register(store, "gpu1:1", "gpu1", about_the_dead())
    await register(store, "gpu1:2", "gpu1", about_me())
    assert await free_id(store, "gpu1", set()) == "gpu1:1"
    assert await free_id(store, "gpu1", {"gpu1:1"}) == "gpu1:3"
    await store.registry.steer("gpu1:0", WorkerState.STOPPED)
    assert await free_id(store, "gpu1", set()) == "gpu1:0"


async def test_an_id_of_another_machine_is_left_alone(store: Store) -> None:
    await register(store, "gpu1:0", "elsewhere", about_the_dead())
    assert await free_id(store, "gpu1", set()) == "gpu1:1"


@pytest.mark.parametrize(("host", "name"), [("gpu1.example.org", "gpu1"), ("gpu_1", "gpu_1"), ("_", "machine")])
def test_a_machine_is_named_by_its_host(monkeypatch: pytest.MonkeyPatch, host: str, name: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert machine_name() == name
