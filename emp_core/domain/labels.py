"""Labels: names and values that the submitter gives a job, to find it by."""

import re
from collections.abc import Mapping
from typing import Any

from emp_core.domain import values
from emp_core.errors import InvalidInput, LimitExceeded

MAX_LABELS = 16
MAX_LABEL_VALUE = 256

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,62}")


def read_labels(field: str, value: object) -> Mapping[str, str]:
    """The labels of a request, by name. Raises `InvalidInput` or `LimitExceeded`."""
    given: Mapping[Any, Any] = values.read_mapping(field, value)
    if len(given) > MAX_LABELS:
        raise LimitExceeded(field, "max_labels", len(given), MAX_LABELS)
    for name in given:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            rule = "must have 1 to 63 of A-Z a-z 0-9 . _ / - and begin with a letter or a digit"
            raise InvalidInput(field, f"the name {values.shown(name)} {rule}")
    return {name: _read_value(f"{field}.{name}", given[name]) for name in sorted(given)}


def _read_value(field: str, value: object) -> str:
    if not isinstance(value, str):
        quoted = f'; write "{value}"' if isinstance(value, int | float) else ""
        raise InvalidInput(field, f"must be text, not {values.shown(value)}{quoted}")
    if len(value) > MAX_LABEL_VALUE:
        raise InvalidInput(field, f"has {len(value)} characters, the limit is {MAX_LABEL_VALUE}")
    if not value.isprintable():
        odd = next(char for char in value if not char.isprintable())
        raise InvalidInput(field, f"has a character that cannot be printed: {odd!r}")
    return value


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as the queue keeps them: a line `name=value` each, which Lua can split without reading JSON."""
    return "\n".join(f"{name}={value}" for name, value in labels.items())


def labels_of(text: str) -> dict[str, str]:
    """The labels of such a text."""
    pairs = (line.partition("=") for line in text.split("\n"))
    return {name: value for name, equals, value in pairs if equals}
