"""Finds connectors by name: those that ship with emp, those of installed packages, and those in a file."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from daemons.worker.connector import Connector
from daemons.worker.settings import WorkerSettings
from emp_core.clock import Clock
from emp_core.domain.values import did_you_mean
from emp_core.errors import Misconfigured

ENTRY_POINTS = "emp.connectors"
"""Packages offer connectors in this group: name -> a function of one `Build`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What a connector is built from."""

    settings: WorkerSettings
    worker_id: str
    clock: Clock


Factory = Callable[[Build], Connector]


def _comfyui(build: Build) -> Connector:
    from daemons.worker.connectors.comfyui import ComfyUI, ComfyUISettings

    settings = ComfyUISettings(url=build.settings.comfyui_http, ws_url=build.settings.comfyui_ws)
    return ComfyUI(settings, worker_id=build.worker_id, clock=build.clock)


def _simulation(build: Build) -> Connector:
    from daemons.worker.connectors.simulation import Simulation

    return Simulation(concurrency=build.settings.concurrent_jobs)


SHIPPED: Mapping[str, Factory] = {"comfyui": _comfyui, "simulation": _simulation}


def known_connectors() -> list[str]:
    """The names that a worker can be given."""
    return sorted({*SHIPPED, *(point.name for point in importlib.metadata.entry_points(group=ENTRY_POINTS))})


def build_connector(name: str, build: Build) -> Connector:
    """Build one. Raises `Misconfigured` where there is none of that name."""
    return find_factory(name)(build)


def find_factory(name: str) -> Factory:
    """The function that builds a connector; `path/to/file.py:function` names one in a file."""
    if name in SHIPPED:
        return SHIPPED[name]
    if ".py:" in name:
        return _from_file(name)
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS, name=name):
        return cast(Factory, point.load())
    known = known_connectors()
    raise Misconfigured(
        f"SERVICES: there is no connector {name}{did_you_mean(name, known)}", hint=f"known: {', '.join(known)}"
    )


def _from_file(name: str) -> Factory:
    path, _, function = name.rpartition(":")
    spec = importlib.util.spec_from_file_location(f"emp_connector_{Path(path).stem}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise Misconfigured(f"SERVICES: there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise Misconfigured(f"SERVICES: {path} cannot be imported: {error}") from error
    if not hasattr(module, function):
        raise Misconfigured(f"SERVICES: {path} has no {function}")
    return cast(Factory, getattr(module, function))
