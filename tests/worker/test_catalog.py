"""Where connectors come from: emp itself, installed packages, a file."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from daemons.worker.catalog import known_connectors
from daemons.worker.configuration import load_worker
from daemons.worker.connector import Connector
from daemons.worker.connectors.comfyui import ComfyUI
from daemons.worker.connectors.simulation import Simulation
from daemons.worker.run import build_connectors
from emp_core.errors import Misconfigured

CONNECTOR = """
class Mine:
    service, reports_progress, concurrency = "mine", False, 1

def build(build):
    return Mine()
"""


def built(services: str, **variables: str) -> list[Connector]:
    """What a worker with these services builds."""
    return list(build_connectors(load_worker({"SERVICES": services, **variables}), "gpu1:0"))


def test_those_that_ship_are_found() -> None:
    (simulation,) = built("simulation", CONCURRENT_JOBS="7")
    assert isinstance(simulation, Simulation)
    assert simulation.concurrency == 7
    (comfyui,) = built("comfyui", COMFYUI_URL="http://gpu:8188")
    assert isinstance(comfyui, ComfyUI)


def test_a_name_that_nobody_has_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Misconfigured, match="no connector comfyiu; did you mean comfyui") as refused:
        built("comfyiu")
    assert refused.value.hint == f"known: {', '.join(known_connectors())}"


def test_an_installed_package_can_bring_one(mocker: MockerFixture) -> None:
    point = EntryPoint("mine", "daemons.worker.connectors.simulation:build", "emp.connectors")
    mocker.patch("importlib.metadata.entry_points", side_effect=lambda group, name="": [point])
    assert "mine" in known_connectors()
    (mine,) = built("mine")
    assert isinstance(mine, Simulation)


def test_a_file_can_bring_one(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CONNECTOR)
    assert [each.service for each in built(f"{tmp_path}/mine.py:build")] == ["mine"]


def test_a_dataclass_in_such_a_file_finds_its_module(tmp_path: Path) -> None:
    lines = ["from __future__ import annotations", "from dataclasses import dataclass", "@dataclass", "class Mine:"]
    (tmp_path / "mine.py").write_text(
        "\n".join([*lines, "    service: str = 'mine'", "def build(build): return Mine()"])
    )
    assert [each.service for each in built(f"{tmp_path}/mine.py:build")] == ["mine"]


def test_a_file_that_is_not_there_or_lacks_the_function_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no file"):
        built(f"{tmp_path}/mine.py:build")
    (tmp_path / "mine.py").write_text(CONNECTOR)
    with pytest.raises(Misconfigured, match="has no other"):
        built(f"{tmp_path}/mine.py:other")


def test_a_file_that_cannot_be_imported_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import a_module_that_nobody_has\n")
    with pytest.raises(Misconfigured, match="a_module_that_nobody_has"):
        built(f"{tmp_path}/mine.py:build")
