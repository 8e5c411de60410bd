"""The hubs of this machine: who is found, at every moment of its life."""

import fcntl
import os
import signal
from pathlib import Path
from typing import IO

import pytest

from emp_cli.local.hub_process import HubProcess, announced, running, stop

HUB = HubProcess(pid=7, url="http://127.0.0.1:3001", started_at=1)


def test_a_hub_is_found_while_it_lives(tmp_path: Path) -> None:
    assert running(tmp_path) == []
    with announced(tmp_path, HUB):
        assert running(tmp_path) == [HUB]
    assert running(tmp_path) == []


def test_whoever_looks_while_a_hub_announces_itself_costs_it_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    looked = []

    def look_first(file: IO[str], operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            looked.append(running(tmp_path))
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", look_first)
    with announced(tmp_path, HUB):
        assert looked == [[]]
        assert running(tmp_path) == [HUB]


def test_what_a_killed_hub_leaves_is_swept_by_who_looks(tmp_path: Path) -> None:
    with announced(tmp_path, HUB):
        (file,) = (tmp_path / "hub").iterdir()
        left = file.with_name("left.json")
        left.write_text(file.read_text())
        assert running(tmp_path) == [HUB]
        assert not left.exists()


def test_who_has_the_number_of_a_hub_that_is_gone_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *call: asked.append(call))
    assert stop(tmp_path, HUB, 20)
    with announced(tmp_path, HUB):
        assert not stop(tmp_path, HUB, 0)
    assert asked == [(HUB.pid, signal.SIGTERM)]


def test_a_hub_that_ends_just_before_it_is_asked_to_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(pid: int, number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(os, "kill", nobody)
    with announced(tmp_path, HUB):
        assert stop(tmp_path, HUB, 20)
