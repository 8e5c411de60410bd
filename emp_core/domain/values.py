"""Reading untrusted values into canonical ones: each function names the field that is wrong, and why."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias, cast

from emp_core.errors import InvalidInput
from emp_core.ids import is_id

Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | tuple[Scalar, ...]

MAX_NAMES = 256
MAX_NAME_LENGTH = 256
MAX_QUOTED = 200
MAX_SHOWN = 60

_UNREADABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff]")
"""Control characters, and halves of a character."""


def read_number(field: str, value: object, *, minimum: float = 0, maximum: float = 1e9) -> int | float:
    """A finite number, an int where it is whole, so that 16 and 16.0 are one value."""
    if isinstance(value, str):
        value = _number_in(field, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(field, f"must be a number, not {shown(value)}")
    if not minimum <= value <= maximum:
        raise InvalidInput(field, f"must be {minimum:g} to {maximum:g}, not {shown(value)}")
    return int(value) if value == int(value) else value


def _number_in(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(field, f"must be a number, not {shown(text)}") from None


def read_int(field: str, value: object, *, minimum: int = 0, maximum: int = 10**9) -> int:
    """A whole number."""
    number = read_number(field, value, minimum=minimum, maximum=maximum)
    if not isinstance(number, int):
        raise InvalidInput(field, f"must be a whole number, not {shown(value)}")
    return number


def read_text(field: str, value: object, *, maximum: int = MAX_NAME_LENGTH) -> str:
    """A text that is not empty, has no control characters and can be written as UTF-8."""
    if not isinstance(value, str):
        raise InvalidInput(field, f"must be text, not {shown(value)}")
    if not value.strip() or len(value) > maximum:
        raise InvalidInput(field, f"must have 1 to {maximum} characters")
    if _UNREADABLE.search(value):
        raise InvalidInput(field, "has control characters or a lone surrogate")
    return value


def read_id(field: str, value: object) -> str:
    """A text that may stand in a key and a URL."""
    if not isinstance(value, str) or not is_id(value):
        rule = "must be 1 to 128 of A-Z a-z 0-9 . _ : - and begin with a letter or a digit"
        raise InvalidInput(field, f"{rule}, not {shown(value)}")
    return value


def read_choice(field: str, value: object, choices: Iterable[str]) -> str:
    """One of a few words."""
    known = tuple(choices)
    if value not in known:
        raise InvalidInput(field, f"must be one of {', '.join(known)}, not {shown(value)}{did_you_mean(value, known)}")
    return value


def read_names(field: str, value: object) -> tuple[str, ...]:
    """A set of names, sorted; one name alone counts as a list of one."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple | set | frozenset):
        raise InvalidInput(field, f"must be a list of names, not {shown(value)}")
    items = cast(Iterable[object], items)
    names = tuple(sorted({read_text(f"{field}[{index}]", item) for index, item in enumerate(items)}))
    if len(names) > MAX_NAMES:
        raise InvalidInput(field, f"has {len(names)} names, the limit is {MAX_NAMES}")
    return names


def read_flat(field: str, value: object) -> dict[str, Value]:
    """A tree of custom values as dotted paths to scalars and lists, sorted by path."""
    flat: dict[str, Value] = {}
    _flatten(field, "", read_mapping(field, value), flat, depth=0)
    if len(flat) > MAX_NAMES:
        raise InvalidInput(field, f"has {len(flat)} values, the limit is {MAX_NAMES}")
    return dict(sorted(flat.items()))


def _flatten(field: str, path: str, tree: Mapping[str, Any], flat: dict[str, Value], depth: int) -> None:
    if depth > 8:
        raise InvalidInput(field, "is nested deeper than 8 levels")
    for key, value in tree.items():
        where = read_text(field, f"{path}.{key}" if path else key)
        if where in flat:
            raise InvalidInput(f"{field}.{where}", "is given twice: as a dotted path and as an object")
        if isinstance(value, Mapping):
            _flatten(field, where, read_mapping(f"{field}.{where}", value), flat, depth + 1)
        elif isinstance(value, list | tuple):
            flat[where] = _read_scalars(f"{field}.{where}", tuple(cast(Iterable[object], value)))
        else:
            flat[where] = read_scalar(f"{field}.{where}", value)


def _read_scalars(field: str, values: tuple[object, ...]) -> tuple[Scalar, ...]:
    return as_set(read_scalar(field, value) for value in values)


def as_set(scalars: Iterable[Scalar]) -> tuple[Scalar, ...]:
    """Each once, in a fixed order."""
    return tuple(scalar for _, scalar in sorted(set(map(typed, scalars))))


def typed(scalar: Scalar) -> tuple[str, Any]:
    """Tells True from 1, which Python counts as equal."""
    return type(scalar).__name__, scalar


def read_scalar(field: str, value: object) -> Scalar:
    """A boolean, a number or a text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return read_number(field, value, minimum=-1e15, maximum=1e15)
    return read_text(field, value)


def read_mapping(field: str, value: object) -> Mapping[str, Any]:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise InvalidInput(field, f"must be an object, not {shown(value)}")
    return cast(Mapping[str, Any], value)


def refuse_unknown(field: str, given: Iterable[str], known: Collection[str]) -> None:
    """Names the first key that nobody reads, so that a typing error is not silently ignored."""
    for key in given:
        if key not in known:
            where = f"{field}.{cut(key)}" if field else cut(key)
            raise InvalidInput(where, f"is not a known field{did_you_mean(key, known)}")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing."""
    close = difflib.get_close_matches(str(word)[:64], tuple(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def cut(text: str) -> str:
    """A text of somebody else's as an error repeats it: not as long as he likes."""
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 3]}..."


def shown(value: object) -> str:
    """A value as an error repeats it."""
    text = repr(value[:MAX_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
