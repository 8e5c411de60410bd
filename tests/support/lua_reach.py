"""What a function of the library reaches: the text of its file, and of all that it calls in the modules."""

import functools
import re
from collections.abc import Mapping

from emp_core.store.function_library import LUA, MODULES

_PART = re.compile(r"^local (?:function )?(\w+)", re.MULTILINE)
_ELSEWHERE = re.compile(r"\b(\w+)\.(\w+)\b")
_WORD = re.compile(r"\b\w+\b")


@functools.cache
def module(name: str) -> Mapping[str, str]:
    """Name -> text of each function and constant of a module."""
    text = (LUA / "lib" / f"{name}.lua").read_text().partition("\nreturn {")[0]
    starts = list(_PART.finditer(text))
    ends = [found.start() for found in starts[1:]] + [len(text)]
    return {found[1]: text[found.start() : end] for found, end in zip(starts, ends, strict=True)}


def reached(name: str) -> str:
    """The text of the function, then that of everything in the modules that it may come to."""
    own = (LUA / f"{name}.lua").read_text()
    parts = _parts(own)
    return "\n".join([own, *(parts[part] for part in sorted(parts))])


def modules_of(name: str) -> set[str]:
    """The modules that a function uses, also by way of others."""
    return {home for home, _ in _parts((LUA / f"{name}.lua").read_text())}


def _parts(own: str) -> Mapping[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    ahead = list(_named(own, None))
    while ahead:
        part = ahead.pop()
        if part not in found:
            found[part] = module(part[0])[part[1]]
            ahead += _named(found[part], part[0])
    return found


def _named(text: str, home: str | None) -> set[tuple[str, str]]:
    named = {pair for pair in _ELSEWHERE.findall(text) if pair[0] in MODULES and pair[1] in module(pair[0])}
    if home is not None:
        named |= {(home, word) for word in _WORD.findall(text) if word in module(home)}
    return named
