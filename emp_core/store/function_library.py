"""Puts all Lua of the store together as one function library of Redis, and loads it.

Its functions lie in the files `lua/*.lua`, what they share in the modules `lua/lib/*.lua`. Names of functions are
global to a server, so they carry the library's name, which is a hash of its text: several versions never meet.

A file of a function returns it. The comment at its top says how it is called: `ARGV name str|int|float` for each of its
arguments, `RECORD` with the fields of a record if a list of them follows, `FLAGS` for Redis. A file of a module
returns a table of what others use. Only `prelude` and `call` stand open in the library.
"""

import functools
import hashlib
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from emp_core.domain import ordering, trend
from emp_core.domain.policy import POLICY, backoff_ms
from emp_core.store.lua_formula import lua_of

LUA = Path(__file__).parent / "lua"

MODULES = (
    "jobs",
    "events",
    "news",
    "counters",
    "writes",
    "transitions",
    "orders",
    "verdict_bits",
    "permits",
    "idle_workers",
    "waking",
    "presence",
    "scores",
    "stalling",
    "heads",
    "workflows",
    "picking",
    "shortlists",
    "limits",
    "pending",
    "active",
    "finishing",
    "workability",
    "profiles",
    "fencing",
    "ending",
    "remains",
    "renewing",
    "transfers",
    "submitting",
    "chores",
    "claiming",
    "settling",
)
"""In the order in which they are built: each uses those before it only."""

ORDER = (ordering.tick_at, ordering.score, ordering.priority_of, ordering.tick_of)
_HEADER_LINE = re.compile(r"^-- (ARGV|RECORD|FLAGS)[ \t]*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Header:
    """How a function is called."""

    flags: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    """(name, `str` | `int` | `float`)"""

    fields: tuple[str, ...]
    """Those of each record that follows the arguments; an empty one is nil in Lua."""


@dataclass(frozen=True, slots=True)
class Library:
    """The library's text, and where each of its lines comes from."""

    name: str
    text: str
    starts: tuple[tuple[int, str], ...]
    """(number of the line before a file's first one, the file), ascending."""

    def located(self, message: str) -> str:
        """An error's text, with the lines of the library as those of the files."""
        return re.sub(r"@?user_function:(\d+)", lambda found: self.place(int(found[1])), message)

    def place(self, line: int) -> str:
        """Where a line of the library stands: a file and its line."""
        start, path = max((entry for entry in self.starts if entry[0] < line), default=(0, "library"))
        return f"{path}:{line - start}"


def is_library(name: str) -> bool:
    """Whether a library of that name is one of emp's, of whatever version."""
    return re.fullmatch(r"emp_[0-9a-f]{12}", name) is not None


def read_header(text: str) -> Header:
    """Parse the comment at the top of a function's file."""
    found: dict[str, list[list[str]]] = {"ARGV": [], "RECORD": [], "FLAGS": []}
    for kind, words in _HEADER_LINE.findall(text):
        found[kind].append(words.split())
    return Header(
        flags=tuple(word for words in found["FLAGS"] for word in words),
        arguments=tuple((words[0], words[1]) for words in found["ARGV"]),
        fields=tuple(word for words in found["RECORD"] for word in words),
    )


def function_names() -> list[str]:
    """All functions."""
    return sorted(path.stem for path in LUA.glob("*.lua"))


@functools.cache
def library() -> Library:
    """The library of this version."""
    return build(list(parts()))


def build(parts: Sequence[tuple[str, str]]) -> Library:
    """The library of these texts, each with the file that it comes from."""
    digest = hashlib.sha256("".join(text for _, text in parts).encode()).hexdigest()
    name = f"emp_{digest[:12]}"
    lines, starts = [f"#!lua name={name}", f"local LIBRARY = '{name}'"], []
    for path, text in parts:
        starts.append((len(lines), path))
        lines += text.split("\n")
    return Library(name, "\n".join(lines) + "\n", tuple(starts))


def parts() -> Iterator[tuple[str, str]]:
    """(a file, what stands in the library of it): its lines begin where the file's do."""
    yield "lib/prelude.lua", _text("lib/prelude.lua")
    yield "domain", _domain()
    yield "lib/call.lua", _text("lib/call.lua")
    for name in MODULES:
        yield f"lib/{name}.lua", f"local {name} = (function() {_text(f'lib/{name}.lua')}end)()"
    for name in function_names():
        text = _text(f"{name}.lua")
        yield f"{name}.lua", f"local {name} = (function() {text}end)()\n{_registration(name, read_header(text))}"


def _text(path: str) -> str:
    return (LUA / path).read_text()


def _registration(name: str, header: Header) -> str:
    """Hands Redis's arguments to a function by their place in its header."""
    count = len(header.arguments)
    given = [
        f"args[{at}]" if kind == "str" else f"tonumber(args[{at}])"
        for at, (_, kind) in enumerate(header.arguments, start=1)
    ]
    lines = []
    if header.fields:
        fields = ", ".join(
            f"{field} = args[i + {at}] ~= '' and args[i + {at}] or nil" for at, field in enumerate(header.fields)
        )
        lines = [
            "local records = {}",
            f"for i = {count + 1}, #args, {len(header.fields)} do records[#records + 1] = {{ {fields} }} end",
        ]
        given.append("records")
    flags = ", ".join(f"'{flag}'" for flag in header.flags)
    call = f"return {name}({', '.join(['this', *given])})"
    return "\n".join([f"register('{name}', {{ {flags} }}, function(this, args)", *lines, call, "end)"])


def _domain() -> str:
    """The contract's numbers and the domain's formulas, which stand in Python."""
    numbers = asdict(POLICY)
    return "\n".join(
        [
            _table("policy", numbers, backoff_ms),
            # What Redis makes of a number by itself costs it as much as a command does.
            _table("as_text", {name: f"'{number}'" for name, number in numbers.items()}),
            _table("ordering", {"LAST_TICK": ordering.LAST_TICK}, *ORDER),
            _table("trend", {"MINUTE_MS": trend.MINUTE_MS, "KEPT_MS": trend.KEPT_MS}, trend.wait_counter),
        ]
    )


def _table(name: str, values: dict[str, object], *formulas: Callable[..., float | str]) -> str:
    entries = [f"{key} = {value}" for key, value in values.items()]
    for formula in formulas:
        parameters = ", ".join(inspect.signature(formula).parameters)
        entries.append(f"{formula.__name__} = function({parameters}) return {lua_of(formula)} end")
    return f"local {name} = {{ {', '.join(entries)} }}"
