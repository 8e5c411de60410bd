"""JSON as lines that fold. Numbers are shown as they were written: no seed is rounded."""

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from typing import Any, TypeGuard

from textual.content import Content

from emp_cli.tui.text import line
from emp_cli.tui.widgets.lines import Line

Path = tuple[str | int, ...]
"""The keys and indexes that lead to a value. One with `MORE` at its end stands for what is left out there."""

MORE = "…"

FIRST = 200
"""Values of an object or a list that are shown at first; Enter on the last line shows all."""

FEW = 30
"""Values that an object or a list has at most if it is open at the beginning."""

OPEN_DEPTH = 2
CUT = 200
"""Characters of a string that are shown at first; Enter shows all."""

BRIEF = 60
"""Characters of a value that is folded."""


class Number(str):
    """A number as it was written."""

    __slots__ = ()


def read_exactly(text: bytes) -> Any:
    """Read JSON that emp wrote itself, with each number as its text. Raises `ValueError`."""
    return json.loads(text.decode(), parse_float=Number, parse_int=Number, parse_constant=Number)


def open_at_first(value: Any, path: Path = ()) -> Iterator[Path]:
    """The objects and lists that are not folded at the beginning: the outer ones, unless they are long."""
    if _is_folder(value) and (not path or len(value) <= FEW):
        yield path
        if len(path) < OPEN_DEPTH:
            for key, inner in _items(value):
                yield from open_at_first(inner, (*path, key))


def json_lines(value: Any, opened: Set[Hashable] | None = None) -> Iterator[Line]:
    """A line for each value whose objects and lists are all in `opened`; its key is the path. None: all are open."""
    for key, inner in _items(value):
        yield from _lines(inner, (key,), opened)


def _lines(value: Any, path: Path, opened: Set[Hashable] | None) -> Iterator[Line]:
    can_fold = bool(value) if _is_folder(value) else isinstance(value, str) and len(value) > CUT
    is_open = opened is None or path in opened
    mark = ("▾ " if is_open else "▸ ") if can_fold else "  "
    head = Content("  " * (len(path) - 1) + mark) + line(str(path[-1]), "$text-primary") + Content(": ")
    body = _folder(value, is_open) if _is_folder(value) else _scalar(value, whole=is_open)
    yield Line(body, head, key=path, opens=can_fold and opened is not None)
    if can_fold and is_open and _is_folder(value):
        yield from _inner_lines(value, path, opened)


def _inner_lines(value: Any, path: Path, opened: Set[Hashable] | None) -> Iterator[Line]:
    whole = opened is None or (*path, MORE) in opened
    for number, (key, inner) in enumerate(_items(value)):
        if number == FIRST and not whole:
            told = line(f"{len(value) - FIRST:,} more; Enter shows them", "$text-muted")
            yield Line(told, Content("  " * len(path) + "  "), key=(*path, MORE), opens=True)
            return
        yield from _lines(inner, (*path, key), opened)


def paths_to(value: Any, needle: str, path: Path = ()) -> Iterator[Path]:
    """What must be open to show each name or value that has a text, in lowercase, in it."""
    for number, (key, inner) in enumerate(_items(value)):
        below = (*path, key)
        inside = list(paths_to(inner, needle, below)) if _is_folder(inner) else []
        is_found = not _is_folder(inner) and needle in _plain(inner).lower()
        if inside or is_found or needle in str(key).lower():
            yield path
            yield from inside
            if is_found:
                yield below
            if number >= FIRST:
                yield (*path, MORE)


def _is_folder(value: Any) -> TypeGuard[Mapping[str, Any] | Sequence[Any]]:
    return isinstance(value, Mapping | list)


def _items(value: Mapping[str, Any] | Sequence[Any]) -> Iterator[tuple[str | int, Any]]:
    yield from value.items() if isinstance(value, Mapping) else enumerate(value)


def _count(value: Mapping[str, Any] | Sequence[Any]) -> str:
    return f"{{{len(value):,}}}" if isinstance(value, Mapping) else f"[{len(value):,}]"


def _folder(value: Mapping[str, Any] | Sequence[Any], is_open: bool) -> Content:
    brief = "" if is_open or not value else f"  {_brief(value, BRIEF)}"
    return line(f"{_count(value)}{brief}", "$text-muted")


def _scalar(value: Any, *, whole: bool) -> Content:
    if not isinstance(value, str) or isinstance(value, Number):
        return line(_plain(value), "$text-accent")
    if whole or len(value) <= CUT:
        return line(_plain(value), "$text-success")
    return line(_plain(value[:CUT]), "$text-success") + line(f"…  {len(value):,} characters", "$text-muted")


def _plain(value: Any) -> str:
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _brief(value: Any, room: int) -> str:
    """How a value begins, in about so many characters."""
    if not _is_folder(value):
        return _plain(value[:room] if isinstance(value, str) and not isinstance(value, Number) else value)
    is_object = isinstance(value, Mapping)
    parts: list[str] = []
    for key, inner in _items(value):
        if sum(map(len, parts)) > room:
            parts.append("…")
            break
        text = _brief(inner, room // 2) if not _is_folder(inner) else _count(inner)
        parts.append(f"{key}: {text}" if is_object else text)
    return f"{{{', '.join(parts)}}}" if is_object else f"[{', '.join(parts)}]"
