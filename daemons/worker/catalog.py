"""Finds connectors by name: those that ship with emp, those of installed packages, and those in a file.

A connector is built by a function `build(build: Build)`, or `build(build: Build, settings: ItsSettings)` if it has
settings of its own: a `SettingsModel`, whose variables then stand beside the worker's.
"""

import functools
import importlib.metadata
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import cast

from daemons.worker.connector import Connector
from emp_core.domain.values import did_you_mean
from emp_core.errors import Misconfigured
from emp_core.settings import SettingsModel

ENTRY_POINTS = "emp.connectors"
"""Packages offer connectors in this group: name -> a function that builds one."""

Factory = Callable[..., Connector]

SHIPPED: Mapping[str, str] = {
    "comfyui": "daemons.worker.connectors.comfyui",
    "simulation": "daemons.worker.connectors.simulation",
}
"""Name -> the module with its `build`, imported on first use."""


def known_connectors() -> list[str]:
    """The names that a worker can be given."""
    return sorted({*SHIPPED, *(point.name for point in importlib.metadata.entry_points(group=ENTRY_POINTS))})


def find_factory(name: str) -> Factory | None:
    """The function that builds a connector, or None if no connector has that name.

    `path/to/file.py:function` names one in a file. Raises `Misconfigured` if the file does not have it.
    """
    if name in SHIPPED:
        return cast(Factory, importlib.import_module(SHIPPED[name]).build)
    if ".py:" in name:
        return _from_file(name)
    points = importlib.metadata.entry_points(group=ENTRY_POINTS, name=name)
    return next((cast(Factory, point.load()) for point in points), None)


def settings_model(factory: Factory) -> type[SettingsModel] | None:
    """The class of a connector's own settings, which is the annotation of its function's argument `settings`."""
    try:
        argument = inspect.signature(factory, eval_str=True).parameters.get("settings")
    except NameError as error:
        raise Misconfigured(
            f"SERVICES: the arguments of {factory.__qualname__} have no known types: {error}"
        ) from error
    model = argument.annotation if argument is not None else None
    return model if isinstance(model, type) and issubclass(model, SettingsModel) else None


def models_of(names: Iterable[str]) -> Sequence[type[SettingsModel]]:
    """The classes of the settings of these connectors and of those that ship."""
    factories = [find_factory(name) for name in dict.fromkeys([*SHIPPED, *names])]
    models = [settings_model(factory) for factory in factories if factory is not None]
    return [model for model in models if model is not None]


def missing(name: str) -> Misconfigured:
    """What to say of a name that no connector has."""
    known = known_connectors()
    return Misconfigured(
        f"SERVICES: there is no connector {name}{did_you_mean(name, known)}", hint=f"known: {', '.join(known)}"
    )


def _from_file(name: str) -> Factory:
    path, _, function = name.rpartition(":")
    module = _module_in(path)
    if not hasattr(module, function):
        raise Misconfigured(f"SERVICES: {path} has no {function}")
    return cast(Factory, getattr(module, function))


@functools.cache
def _module_in(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"emp_connector_{Path(path).stem}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise Misconfigured(f"SERVICES: there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (ImportError, SyntaxError) as error:
        raise Misconfigured(f"SERVICES: {path} cannot be imported: {error}") from error
    return module
