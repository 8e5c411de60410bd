"""JSON as emp takes and keeps it: strict on the way in, opaque afterwards, and the same limits on every path.

Seeds of 64 bits and beyond, empty lists and every character survive; NaN, doubled keys and half characters are refused,
because the readers behind emp disagree on what they mean.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from types import NoneType
from typing import Any, NoReturn, cast

import orjson

from emp_core.domain.policy import MAX_JSON_DEPTH, MAX_JSON_NODES
from emp_core.domain.values import shown
from emp_core.errors import InvalidInput, LimitExceeded

MAX_LIST_NODES = 2_000_000
"""Of a list whose items have limits of their own: 1,000 jobs with a ComfyUI graph of 150 nodes each; 300 MB."""

_LIST = re.compile(r"[ \t\r\n]*\[")
_STRING_OR_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|([\[{,])', re.DOTALL)


def parse_json(field: str, text: str | bytes) -> Any:
    """Read JSON from outside. Raises `InvalidInput` or `LimitExceeded`."""
    value = read_json(field, text)
    check_json(field, value)
    return value


def read_json(field: str, text: str | bytes) -> Any:
    """Read JSON from outside that somebody else holds to the limits, part by part. Raises as `parse_json`."""
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        _bound_nodes(field, text, MAX_LIST_NODES if _LIST.match(text) else MAX_JSON_NODES)
        return _STRICT.decode(text)
    except RecursionError:
        raise LimitExceeded(field, "max_json_depth", MAX_JSON_DEPTH + 1, MAX_JSON_DEPTH) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidInput(field, f"is not JSON: {error}") from None


def json_lines(field: str, text: bytes) -> list[bytes]:
    """The lines of a text with a JSON value on each, without empty ones. Raises `LimitExceeded` as for a list."""
    _bound_nodes(field, text.decode(errors="replace"), MAX_LIST_NODES)
    return [line for line in text.split(b"\n") if line.strip()]


def _bound_nodes(field: str, text: str, maximum: int) -> None:
    """Refuse what is over the limit for certain, before it is built: a few bytes of text can be many of memory."""
    # n values take less than 2n commas and opening brackets, and have at most 2n strings.
    if sum(map(text.count, "[{,")) < 2 * maximum:
        return
    found = Counter(token.lastindex for token in islice(_STRING_OR_MARK.finditer(text), 4 * maximum))
    if found[1] >= 2 * maximum or found.total() >= 4 * maximum:
        raise LimitExceeded(field, "max_json_nodes", maximum + 1, maximum)


def check_json(field: str, value: object) -> None:
    """Hold a parsed value to the limits: 64 levels, 100,000 nodes, text that can be written as UTF-8."""
    level: list[Any] = [value]
    nodes = 0
    for _ in range(MAX_JSON_DEPTH + 1):
        nodes += len(level)
        if nodes > MAX_JSON_NODES:
            raise LimitExceeded(field, "max_json_nodes", nodes, MAX_JSON_NODES)
        level = _below(field, level)
        if not level:
            return
    raise LimitExceeded(field, "max_json_depth", MAX_JSON_DEPTH + 1, MAX_JSON_DEPTH)


def _below(field: str, level: list[Any]) -> list[Any]:
    """What the nodes of one level hold. The kinds that a parser makes come first: to ask for a `Mapping` takes long."""
    below: list[Any] = []
    for node in level:
        kind = type(node)
        if kind is str:
            _check_text(field, node)
        elif kind is dict:
            _check_keys(field, node)
            below += node.values()
        elif kind is list:
            below += node
        elif kind not in (int, bool, NoneType):
            below += _children(field, node)
    return below


def _check_keys(field: str, mapping: Mapping[object, object]) -> None:
    for key in mapping:
        if not isinstance(key, str):
            raise InvalidInput(field, f"has a key that is not text: {shown(key)}")
        _check_text(field, key)


def _children(field: str, node: object) -> Iterable[object]:
    if isinstance(node, str):
        _check_text(field, node)
    elif isinstance(node, Mapping):
        _check_keys(field, cast(Mapping[object, object], node))
        return cast(Mapping[str, object], node).values()
    elif isinstance(node, list | tuple):
        return cast(Iterable[object], node)
    elif isinstance(node, float) and (node != node or node in (float("inf"), float("-inf"))):
        raise InvalidInput(field, "has a number that JSON cannot hold (NaN or infinity)")
    return ()


def _check_text(field: str, text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidInput(field, "has a lone surrogate, which is not a character") from None


def dump_json(value: object) -> bytes:
    """Write JSON, compact, UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:  # integers beyond 64 bits, which orjson cannot write
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_fields_of).encode()


def sorted_json(value: object) -> bytes:
    """Write JSON with the keys of every object in order, so that equal values have one text."""
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits, which orjson cannot write
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=_plain)
        return text.encode()


def _plain(value: object) -> object:
    """Python's other objects and lists, as a program may give them."""
    if isinstance(value, Mapping):
        return dict(cast(Mapping[object, object], value))
    if isinstance(value, set | frozenset):
        return sorted(map(str, cast(Iterable[object], value)))
    raise TypeError(f"{value!r} cannot be written as JSON")


def _fields_of(value: object) -> Mapping[str, object]:
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"{value!r} cannot be written as JSON")
    return {item.name: getattr(value, item.name) for item in fields(value)}


def load_json(text: str | bytes) -> Any:
    """Read JSON that emp wrote itself, as UTF-8; integers of any size stay exact."""
    return json.loads(text if isinstance(text, str) else text.decode())


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _refuse_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        ((doubled, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {shown(doubled)} appears twice in one object")
    return result


_STRICT = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_refuse_doubles)
