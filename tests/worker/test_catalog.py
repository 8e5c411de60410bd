"""Where connectors come from: emp itself, installed packages, a file."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from daemons.worker.catalog import Build, build_connector, known_connectors
from daemons.worker.connectors.comfyui import ComfyUI
from daemons.worker.connectors.simulation import Simulation
from daemons.worker.settings import WorkerSettings
from emp_core.clock import SystemClock
from emp_core.environment import load_settings
from emp_core.errors import Misconfigured

CONNECTOR = """
class Mine:
    service, reports_progress, concurrency = "mine", False, 1

def build(build):
    return Mine()
"""


def make_build(**variables: str) -> Build:
    settings = load_settings(WorkerSettings, {"SERVICES": "simulation", **variables})
    return Build(settings=settings, worker_id="gpu1:0", clock=SystemClock())


def test_those_that_ship_are_found() -> None:
    simulation = build_connector("simulation", make_build(CONCURRENT_JOBS="7"))
    assert isinstance(simulation, Simulation)
    assert simulation.concurrency == 7
    assert isinstance(build_connector("comfyui", make_build(COMFYUI_URL="http://gpu:8188")), ComfyUI)


def test_a_name_that_nobody_has_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Misconfigured, match="no connector comfyiu") as refused:
        build_connector("comfyiu", make_build())
    assert "comfyui" in refused.value.message
    assert refused.value.hint == f"known: {', '.join(known_connectors())}"


def test_an_installed_package_can_bring_one(mocker: MockerFixture) -> None:
    point = EntryPoint("mine", "daemons.worker.connectors.simulation:Simulation", "emp.connectors")
    mocker.patch("importlib.metadata.entry_points", side_effect=lambda group, name="": [point])
    assert "mine" in known_connectors()
    assert isinstance(build_connector("mine", make_build()), Simulation)


def test_a_file_can_bring_one(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CONNECTOR)
    assert build_connector(f"{tmp_path}/mine.py:build", make_build()).service == "mine"


def test_a_dataclass_in_such_a_file_finds_its_module(tmp_path: Path) -> None:
    lines = ["from __future__ import annotations", "from dataclasses import dataclass", "@dataclass", "class Mine:"]
    (tmp_path / "mine.py").write_text(
        "\n".join([*lines, "    service: str = 'mine'", "def build(build): return Mine()"])
    )
    assert build_connector(f"{tmp_path}/mine.py:build", make_build()).service == "mine"


def test_a_file_that_is_not_there_or_lacks_the_function_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no file"):
        build_connector(f"{tmp_path}/mine.py:build", make_build())
    (tmp_path / "mine.py").write_text(CONNECTOR)
    with pytest.raises(Misconfigured, match="has no other"):
        build_connector(f"{tmp_path}/mine.py:other", make_build())


def test_a_file_that_cannot_be_imported_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import a_module_that_nobody_has\n")
    with pytest.raises(Misconfigured, match="a_module_that_nobody_has"):
        build_connector(f"{tmp_path}/mine.py:build", make_build())
