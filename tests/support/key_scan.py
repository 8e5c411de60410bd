"""Reads the functions and the store's Python for the keys that they name, and for who writes which."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from emp_core.store import function_library
from emp_core.store.keys import KEYS
from tests.support.lua_reach import reached

STORE = Path(function_library.__file__).parent

WRITES = re.compile(
    r"SET|HSET|HDEL|HSETNX|HINCRBY|ZADD|ZREM|ZPOPMAX|ZINCRBY|SADD|SREM|SPOP|DEL|UNLINK|INCR|BITFIELD|P?EXPIRE|RPUSH|LREM"
    r"|LTRIM|LPOP|BLMPOP|XADD|XTRIM|RENAME"
)

# `local key, more = this.prefix .. 'a:' .. x`, `call('HSET', key, ...)`, `call('DEL', this.prefix .. 'a:' .. x)`
_LUA = re.compile(
    r"local (?P<name>\w+)[\w, ]* = (?:\w+ and )?this\.prefix \.\. '(?P<means>[^']+)'"
    r"|(?:call\(|writes\.later\(this, )'(?P<command>[A-Z]+)', "
    r"(?P<rest>(?:this\.prefix \.\. )?[^,)]+(?:, this\.prefix \.\. '[^']+'[^,)]*)*)"
)
_KEPT = re.compile(r"writes\.keep\(this, this\.prefix \.\. '([^']+)'")
_LITERAL = re.compile(r"this\.prefix \.\. '([^']+)'")
_CHOICE = re.compile(r"this\.prefix \.\. \([^)]*? and '([^']+)' or '([^']+)'")
_QUOTED = re.compile(r"(?<!this\.prefix \.\. )'([\w.:]+)'")

_NAMES = frozenset(row.literal for row in KEYS)

_PYTHON_KEY = re.compile(r"(?:\b_?key|_top|_listed)\(\s*f?\"([^\"{]+)")
_PYTHON_WRITE = re.compile(r"call\(\s*\"([A-Z]+)\", (?:\w+, 1, )?(?:\w+\.)*(?:_?key\(f?\"([^\"{]+)|(key)\b)")
_PYTHON_NAME = re.compile(r"\bkey = (?:\w+\.)*_?key\(f?\"([^\"{]+)")


def lua_files() -> Mapping[str, str]:
    return {str(path.relative_to(STORE)): path.read_text() for path in sorted(STORE.rglob("*.lua"))}


def python_files() -> Mapping[str, str]:
    return {str(path.relative_to(STORE)): path.read_text() for path in sorted(STORE.glob("*.py"))}


def literals(lua: str) -> set[str]:
    """The keys, or beginnings of keys, that a text of Lua names."""
    return {*_LITERAL.findall(lua), *(name for pair in _CHOICE.findall(lua) for name in pair)}


def python_literals(text: str) -> set[str]:
    return set(_PYTHON_KEY.findall(text))


def rows_of(literal: str) -> list[str]:
    """The rows that a literal may stand for: its own, or those that it begins, as `jobs:` does before a state."""
    exact = [row.name for row in KEYS if literal in (row.name, row.literal)]
    return exact or [row.name for row in KEYS if row.name.startswith(literal)]


def writers() -> dict[str, list[str]]:
    """Row -> the functions and modules that may write it."""
    found: dict[str, set[str]] = {row.name: set() for row in KEYS}
    for name in function_library.function_names():
        for literal in _written(reached(name)):
            for row in rows_of(literal):
                found[row].add(name)
    for path, text in python_files().items():
        for literal in _written_by_python(text):
            for row in rows_of(literal):
                found[row].add(path)
    return {row: sorted(names) for row, names in found.items()}


def _written(text: str) -> Iterator[str]:
    yield from _KEPT.findall(text)
    meaning: dict[str, str] = {}
    for found in _LUA.finditer(text):
        if found["name"]:
            meaning[found["name"]] = found["means"]
        elif WRITES.fullmatch(found["command"]):
            rest = found["rest"]
            keys = literals(rest) | ({meaning[rest]} if rest in meaning else set())
            yield from keys or _named_elsewhere(text, with_id=rest.endswith("id"))


def _named_elsewhere(text: str, *, with_id: bool) -> set[str]:
    """What a key may be that comes as a parameter or runs through a list: one that the function quotes by itself."""
    return {name for name in _NAMES.intersection(_QUOTED.findall(text)) if name.endswith(":") is with_id}


def _written_by_python(text: str) -> Iterator[str]:
    named = _PYTHON_NAME.findall(text)
    for command, literal, variable in _PYTHON_WRITE.findall(text):
        if WRITES.fullmatch(command):
            yield from named if variable else [literal]
