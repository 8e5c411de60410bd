"""Loads `lua/*.lua` and runs them by the names in their headers.

A script's header is its calling convention: `FLAGS` becomes the `#!lua` line, `KEYS`, `ARGV` and `REST` become Lua
locals and Python keywords, `REST` also a function that reads one record, `USES` pulls files of `lua/lib` (see
`lua_library`; `ONCE` names functions that several rare ones share). `POLICY.name`, `ORDERING.name` and `TREND.name`
become numbers and formulas of `domain.policy`, `domain.ordering` and `domain.trend`. The header's first line gives way
to the bindings, and one line is put before it, so that an error's line number is one more than the file's.
"""

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from redis.exceptions import NoScriptError

from emp_core.domain import ordering, policy, trend
from emp_core.domain.policy import POLICY
from emp_core.store.lua_formula import lua_of
from emp_core.store.lua_library import Part, gather, parts_of

LUA = Path(__file__).parent / "lua"

_HEADER_LINE = re.compile(r"^-- (KEYS|ARGV|REST|USES|RARE|ONCE|FLAGS)[ \t]*(.*)$", re.MULTILINE)
_CONVERSIONS = {"int": "tonumber(ARGV[{0}])", "float": "tonumber(ARGV[{0}])", "str": "ARGV[{0}]"}


@dataclass(frozen=True, slots=True)
class Header:
    """What a script's header declares."""

    flags: str
    keys: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    """(name, `str` | `int` | `float`)"""

    rest: str | None
    """The name of the records that follow the arguments."""

    fields: tuple[str, ...]
    """A record's fields."""

    uses: tuple[str, ...]
    rare: tuple[str, ...]
    """Functions of a library file that few calls need."""

    once: tuple[str, ...]
    """Functions that a script builds at once, because several rare ones need them."""


def read_header(text: str) -> Header:
    """Parse the comment lines at the top of a script or a library file."""
    found: dict[str, list[list[str]]] = {kind: [] for kind in ("KEYS", "ARGV", "REST", "USES", "RARE", "ONCE", "FLAGS")}
    for kind, words in _HEADER_LINE.findall(text):
        found[kind].append(words.split())
    rest = found["REST"][0] if found["REST"] else [None]
    return Header(
        flags=" ".join(found["FLAGS"][0]) if found["FLAGS"] else "",
        keys=tuple(words[0] for words in found["KEYS"]),
        arguments=tuple((words[0], words[1]) for words in found["ARGV"]),
        rest=rest[0],
        fields=tuple(word for word in rest[1:] if word),
        uses=tuple(name for words in found["USES"] for name in words),
        rare=tuple(name for words in found["RARE"] for name in words),
        once=tuple(name for words in found["ONCE"] for name in words),
    )


def assemble(name: str) -> str:
    """The text that Redis gets."""
    source = (LUA / f"{name}.lua").read_text()
    header = read_header(source)
    flags = f" flags={header.flags.replace(' ', ',')}" if header.flags else ""
    bindings = ["local P, call = string.sub(KEYS[1], 1, -7), redis.call"]
    bindings += [
        f"local {argument} = {_CONVERSIONS[kind].format(index)}"
        for index, (argument, kind) in enumerate(header.arguments, 1)
    ]
    if header.rest:
        first, width = len(header.arguments) + 1, len(header.fields)
        bindings.append(f"local {header.rest}_at, {header.rest}_width = {first}, {width}")
    body = source.partition("\n")[2]
    if f"{header.rest}_record" in body:
        values = ", ".join(f"{name} = given({number})" for number, name in enumerate(header.fields))
        given = "local function given(n) local text = ARGV[i + n] if text ~= '' then return text end end"
        bindings.append(f"local function {header.rest}_record(i) {given} return {{ {values} }} end")
    parts = [part for used in _with_dependencies(header.uses) for part in _library_file(used)]
    library = gather(body, parts, header.once)
    # In a function of its own, because a closure reaches what lies further out faster.
    inner = f"return (function() {with_domain(library)}\n{with_domain(body)}\nend)()"
    return f"#!lua{flags}\n{'; '.join(bindings)}; {inner}"


@functools.cache
def _library_file(name: str) -> list[Part]:
    text = (LUA / "lib" / f"{name}.lua").read_text()
    return parts_of(text, read_header(text).rare)


def _with_dependencies(names: Iterable[str]) -> list[str]:
    ordered: list[str] = []

    def add(name: str) -> None:
        for needed in read_header((LUA / "lib" / f"{name}.lua").read_text()).uses:
            add(needed)
        if name not in ordered:
            ordered.append(name)

    for name in names:
        add(name)
    return ordered


def with_domain(text: str) -> str:
    """The text with the domain's numbers and formulas in the place of their names."""
    text = re.sub(r"POLICY\.(\w+)", lambda found: _in_lua(policy, found[1]), text)
    text = re.sub(r"ORDERING\.(\w+)", lambda found: _in_lua(ordering, found[1]), text)
    return re.sub(r"TREND\.(\w+)", lambda found: _in_lua(trend, found[1]), text)


def _in_lua(module: ModuleType, name: str) -> str:
    found = getattr(POLICY, name, None) if module is policy else None
    found = getattr(module, name) if found is None else found
    return lua_of(found) if callable(found) else str(found)


class Script:
    """One Lua file, called with its own argument names."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.header = read_header((LUA / f"{name}.lua").read_text())
        self.text = assemble(name)
        self._sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, redis: Any, key: str, rest: Iterable[Sequence[str | bytes]] = (), **arguments: Any) -> Any:
        """Run it. `key` is the schema key, which names the prefix. Raises `TypeError` on a missing or extra name."""
        argv = self._arguments(arguments)
        for record in rest:
            if len(record) != len(self.header.fields):
                raise TypeError(f"{self.name}: a record has the fields {self.header.fields}, not {len(record)} values")
            argv.extend(record)
        try:
            return await redis.evalsha(self._sha, 1, key, *argv)
        except NoScriptError:
            # EVAL keeps the text too, and cannot be told that it was flushed since.
            return await redis.eval(self.text, 1, key, *argv)

    def _arguments(self, given: Mapping[str, Any]) -> list[Any]:
        names = [name for name, _ in self.header.arguments]
        if len(given) != len(names) or not all(name in given for name in names):
            odd = sorted(set(names) ^ set(given))
            raise TypeError(f"{self.name}.lua takes {', '.join(names)}; missing or unknown: {', '.join(odd)}")
        return [given[name] for name in names]


@functools.cache
def script(name: str) -> Script:
    """The script of that name, read once."""
    return Script(name)


def script_names() -> list[str]:
    """All scripts, for the tests and the docs."""
    return sorted(path.stem for path in LUA.glob("*.lua"))
