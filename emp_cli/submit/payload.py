"""Values that `--set` puts into a payload or into the parameters of a template."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from emp_core.domain.values import did_you_mean, shown
from emp_core.errors import InvalidInput

SHOWN = 20
"""Names that an error lists."""


def with_settings(values: Mapping[str, Any], settings: Sequence[tuple[str, Any]], *, may_add: bool) -> dict[str, Any]:
    """A copy with the values set; `a.b` is `b` in the object `a`.

    Raises `InvalidInput` for a name that is not there: it is most likely a typing error, and the service would ignore
    it. With `may_add`, or if there are no values yet, the name is added.
    """
    changed = dict(deepcopy(values))
    may_add = may_add or not values
    for path, value in settings:
        _set(changed, path, value, may_add=may_add)
    return changed


def _set(values: dict[str, Any], path: str, value: Any, *, may_add: bool) -> None:
    *parents, name = path.split(".")
    owner = "the payload"
    for parent in parents:
        _check(values, parent, owner, may_add=may_add)
        inner = values.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise InvalidInput("set", f"{path}: {parent} is not an object")
        values, owner = inner, parent
    _check(values, name, owner, may_add=may_add)
    values[name] = value


def _check(values: Mapping[str, Any], name: str, owner: str, *, may_add: bool) -> None:
    if name in values or may_add:
        return
    names = list(values)
    known = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    problem = f"{owner} has no {shown(name)}; it has {known or 'nothing'}{did_you_mean(name, names)}"
    raise InvalidInput("set", problem, hint="--set-new adds it")
