"""Puts together what a script needs of `lua/lib`.

Redis runs a script's text anew at each call, and building a closure costs it as much as many commands do. So a script
gets only the parts that it can reach; and a function that its file's header calls `RARE` is built, with what only it
needs, when it is called. Variables are built once, at the start: two functions that build one each would count apart.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

_LITERAL = re.compile(r"'[^'\n]*'")
_WORD = re.compile(r"[A-Za-z_]\w*")
_VARIABLE = re.compile(r"local [\w, ]+(?: = (?:[\w., ]+|\{\}))?")
_DECLARED = re.compile(r"local (?:function (\w+)|([\w, ]+?)(?: =|$))")


@dataclass(frozen=True, slots=True)
class Part:
    """One `local` at the left margin of a library file."""

    names: tuple[str, ...]
    text: str
    rare: bool

    @property
    def is_variable(self) -> bool:
        """Declared with a plain value or none: a function may change it, so all functions must share it."""
        return _VARIABLE.fullmatch(self.text) is not None

    def stub(self, needed: str) -> str:
        """Stands for a rare function: builds it, with what it needs, and calls it."""
        (name,) = self.names
        return f"local function {name}(...) {needed} {self.text} return {name}(...) end"


def parts_of(text: str, rare: Collection[str]) -> list[Part]:
    """The parts of a library file, each on one line, without comments."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("--")]
    starts = [number for number, line in enumerate(lines) if line.startswith("local ")]
    parts: list[Part] = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        declared = _DECLARED.match(lines[start])
        if declared is None:
            raise ValueError(f"cannot read {lines[start]!r}")
        names = (declared[1],) if declared[1] else tuple(declared[2].replace(",", " ").split())
        parts.append(Part(names, " ".join(line.strip() for line in lines[start:end]), rare=names[0] in rare))
    return parts


def gather(body: str, parts: Sequence[Part], once: Sequence[str] = ()) -> str:
    """The library of one script, in the order of its parts; `once` are built with those that the body names."""
    owner = {name: index for index, part in enumerate(parts) for name in part.names}

    def named_in(text: str) -> set[int]:
        return {owner[word] for word in _WORD.findall(_LITERAL.sub("", text)) if word in owner}

    needs = [named_in(part.text) - {index} for index, part in enumerate(parts)]

    def write(asked: Iterable[int], built: Collection[int]) -> str:
        added = _reach(asked, needs, lambda index: parts[index].rare) - set(built)
        lines: list[str] = []
        for index in sorted(added):
            part = parts[index]
            lines.append(part.stub(write(needs[index], added.union(built))) if part.rare else part.text)
        return " ".join(lines)

    code = "\n".join(line.partition("--")[0] for line in body.splitlines())
    asked = named_in(" ".join([code, *once]))
    reached = _reach(asked, needs, lambda _: False)
    return write(asked | {index for index in reached if parts[index].is_variable}, ())


def _reach(start: Iterable[int], needs: Sequence[set[int]], is_rare: Callable[[int], bool]) -> set[int]:
    """What is needed by what is needed, and so on, but not by what is rare."""
    found: set[int] = set()
    ahead = list(start)
    while ahead:
        index = ahead.pop()
        if index not in found:
            found.add(index)
            ahead += () if is_rare(index) else needs[index]
    return found
