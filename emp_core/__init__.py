"""What every part of emp shares: the domain, the Redis data layer and the client.

`domain` is pure, `store` is the only speaker of Redis, `client` is what programs use: `from emp_core import Emp`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.client.emp import Emp

__all__ = ["AsyncEmp", "Emp", "__version__"]

__version__ = "0.1.0"

_HOMES = {"AsyncEmp": "emp_core.client.async_emp", "Emp": "emp_core.client.emp"}


def __getattr__(name: str) -> Any:
    """The clients are imported when they are used: every other part of emp would pay for them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
