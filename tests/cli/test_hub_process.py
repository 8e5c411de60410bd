"""The hubs of this machine: who is found, at every moment of its life."""

import fcntl
from pathlib import Path
from typing import IO

import pytest

from emp_cli.hub_process import HubProcess, announced, running

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
