"""Offers names of other modules, and imports a module when one of its names is first used.

A module takes 1 to 10 ms to import, and a command uses few of them.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(offering: str, offered: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module that offers, of each module in `offered`, the names that stand behind it."""
    homes = {name: home for home, names in offered.items() for name in names.split()}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {offering!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return find
