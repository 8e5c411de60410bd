"""Reads what Redis's Lua makes of a text, which shows for sure which variables it uses."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from emp_core.store import Link

_GETUPVAL, _GETGLOBAL, _GETTABLE, _SETGLOBAL, _SETUPVAL, _SETTABLE, _CLOSURE = 4, 5, 6, 7, 8, 9, 36
_MOVE = 0
_SETS_A = {*range(7), 10, *range(12, 22), 27, 36}
_SETS_MORE = {3, 11, 28, 31, 32, 33, 37}
"""Instructions that write register A, or those from A on."""


@dataclass(slots=True)
class Code:
    """A function of Lua 5.1: its instructions, and the functions that are written in it."""

    parameters: int
    instructions: list[int]
    constants: list[object]
    inner: list["Code"]
    lines: list[int]
    local_names: list[str]
    upvalues: list[str]
    origins: list[tuple[bool, int]] = field(default_factory=list)
    """Of each upvalue: whether it is a local of the function around, and its number there."""


@dataclass(frozen=True, slots=True)
class Use:
    """A variable that outlives a call, and is used at a line."""

    line: int
    name: str


async def compiled(link: Link, text: str) -> Code:
    """The main function of a text. Its first line, which names the library, is no Lua."""
    body = text.partition("\n")[2]
    return _Reader(await link.call("EVAL", "return string.dump(loadstring(ARGV[1]))", 0, "\n" + body)).main()


def globals_used(code: Code, *, written: bool = False) -> Iterator[Use]:
    """Global variables that are read, or written."""
    wanted = _SETGLOBAL if written else _GETGLOBAL
    for each in _all(code):
        for word, line in zip(each.instructions, each.lines, strict=True):
            if word & 0x3F == wanted:
                yield Use(line, str(each.constants[word >> 14]))


def local_names(code: Code) -> set[str]:
    """The names of parameters and local variables of all functions, but for the main one."""
    return {name for inner in code.inner for each in _all(inner) for name in each.local_names}


def fields_read(code: Code) -> Iterator[Use]:
    """`table.field` for each field that is read of a variable of the functions around."""
    for each in _all(code):
        held: dict[int, int] = {}
        for word, line in _steps(each):
            kind, a, b, c = word & 0x3F, word >> 6 & 0xFF, word >> 23, word >> 14 & 0x1FF
            if kind == _GETTABLE and b in held and c >= 256:
                yield Use(line, f"{each.upvalues[held[b]]}.{each.constants[c - 256]}")
            _note_written(held, kind, a, b)


def kept_and_written(code: Code) -> Iterator[Use]:
    """Variables and tables that are built when the text is loaded, and that a function writes when it is called.

    Loaded is the main function, and each function without parameters that it calls at once, as modules are.
    """
    for each in code.inner:
        yield from _writes(each, code, loads=[True], around=[])


def _writes(code: Code, parent: Code, loads: list[bool], around: list[Code]) -> Iterator[Use]:
    at_load = len(loads) == 1 and code.parameters == 0
    chain = [*around, parent]
    if not at_load:
        held: dict[int, int] = {}
        for word, line in _steps(code):
            kind, a, b = word & 0x3F, word >> 6 & 0xFF, word >> 23
            if kind == _SETUPVAL and _is_of_load(code, b, chain, loads):
                yield Use(line, code.upvalues[b])
            if kind == _SETTABLE and a in held and _is_of_load(code, held[a], chain, loads):
                yield Use(line, code.upvalues[held[a]])
            _note_written(held, kind, a, b)
    for each in code.inner:
        yield from _writes(each, code, [*loads, at_load], chain)


def _note_written(held: dict[int, int], kind: int, a: int, b: int) -> None:
    """`held`: which registers hold which variable of the functions around."""
    if kind in _SETS_MORE:
        for register in [each for each in held if each >= a]:
            del held[register]
    if kind in _SETS_A:
        held.pop(a, None)
    if kind == _GETUPVAL:
        held[a] = b


def _is_of_load(code: Code, number: int, chain: list[Code], loads: list[bool]) -> bool:
    """Whether an upvalue is a variable of a function that runs when the library is loaded."""
    for parent, loaded in zip(reversed(chain), reversed(loads), strict=True):
        is_local, number = code.origins[number]
        if is_local:
            return loaded
        code = parent
    raise AssertionError("an upvalue is a local somewhere")


def _all(code: Code) -> Iterator[Code]:
    yield code
    for each in code.inner:
        yield from _all(each)


class _Reader:
    """Lua 5.1's own format, as it is on the machines of today: 4 bytes an int, 8 a size and a number."""

    def __init__(self, data: bytes) -> None:
        assert data[:12] == b"\x1bLua\x51\x00\x01\x04\x08\x04\x08\x00"
        self._data = data
        self._at = 12

    def main(self) -> Code:
        return self._function()

    def _function(self) -> Code:
        self._text()
        self._take("<ii")
        _, parameters, _, _ = self._take("<BBBB")
        instructions = list(self._take(f"<{self._int()}I"))
        constants = [self._constant() for _ in range(self._int())]
        inner = [self._function() for _ in range(self._int())]
        lines = list(self._take(f"<{self._int()}i"))
        local_names = [self._local() for _ in range(self._int())]
        upvalues = [self._text() for _ in range(self._int())]
        code = Code(parameters, instructions, constants, inner, lines, local_names, upvalues)
        _note_origins(code)
        return code

    def _local(self) -> str:
        name = self._text()
        self._take("<ii")
        return name

    def _constant(self) -> object:
        (kind,) = self._take("<B")
        if kind == 1:
            return bool(self._take("<B")[0])
        if kind == 3:
            return self._take("<d")[0]
        return self._text() if kind == 4 else None

    def _text(self) -> str:
        (size,) = self._take("<Q")
        text = self._data[self._at : self._at + size]
        self._at += size
        return text[:-1].decode("latin-1")

    def _int(self) -> int:
        return int(self._take("<i")[0])

    def _take(self, form: str) -> tuple[int, ...]:
        found = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return found


def _steps(code: Code) -> Iterator[tuple[int, int]]:
    """The instructions with their lines, without those that say where the variables of a new function come from."""
    skipped = 0
    for word, line in zip(code.instructions, code.lines, strict=True):
        if skipped:
            skipped -= 1
            continue
        yield word, line
        if word & 0x3F == _CLOSURE:
            skipped = len(code.inner[word >> 14].upvalues)


def _note_origins(code: Code) -> None:
    """Behind the instruction that builds a function stands one for each of its upvalues, with where it comes from."""
    for at, word in enumerate(code.instructions):
        if word & 0x3F == _CLOSURE:
            made = code.inner[word >> 14]
            behind = code.instructions[at + 1 : at + 1 + len(made.upvalues)]
            made.origins = [(each & 0x3F == _MOVE, each >> 23) for each in behind]
