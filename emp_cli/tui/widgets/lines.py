"""The lines of a document: texts that wrap behind a head, and rows of a table."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import TypeVar

from rich.cells import cell_len
from textual.content import EMPTY_CONTENT, Content

from emp_cli.output.clean import one_line
from emp_cli.output.layout import Column
from emp_cli.tui.text import line, themed
from emp_cli.tui.widgets.widths import CELL, GAP, Wish, fitted, share

T = TypeVar("T")

LEAST_BODY = 20
"""Cells that a body has behind its head at least, however narrow the document is."""


class Line:
    """One line. Its body wraps; its head does not, and the body's further rows begin behind it."""

    __slots__ = ("_parts", "_width", "body", "head", "is_drawing", "key", "opens")

    def __init__(
        self,
        body: Content,
        head: Content = EMPTY_CONTENT,
        *,
        key: Hashable = None,
        opens: bool = False,
        is_drawing: bool = False,
    ) -> None:
        self.body = body
        self.head = head
        self.key = key
        """The cursor stays on it when the lines change."""

        self.opens = opens
        """Whether Enter does something."""

        self.is_drawing = is_drawing
        """Whether it keeps its colours under the cursor. Those of a text may be unreadable there."""

        self._width = 0
        self._parts: list[Content] = []

    @property
    def plain(self) -> str:
        """What is looked at by a search."""
        return self.head.plain + self.body.plain

    def parts(self, width: int) -> list[Content]:
        """The rows that it takes in a document of this width."""
        if width != self._width:
            self._width, self._parts = width, list(self._wrapped(width))
        return self._parts

    def _wrapped(self, width: int) -> Iterator[Content]:
        room = max(LEAST_BODY, width - self.head.cell_length)
        whole = self.body.cell_length <= room and "\n" not in self.body.plain
        first, *others = [self.body] if whole else self.body.wrap(room)
        yield self.head + first
        yield from (part.pad_left(self.head.cell_length) for part in others)


BLANK = Line(EMPTY_CONTENT)


def title(text: str) -> Line:
    """The name of what follows."""
    return Line(Content.styled(text, "bold $text-accent"))


def fact(label: str, text: str, width: int, *, key: Hashable = None, style: str = "") -> Line:
    """A label and a text; Enter opens the key if there is one."""
    return Line(line(text, style), Content.styled(label.ljust(width), "$text-muted"), key=key, opens=key is not None)


def table_lines(
    rows: Sequence[T],
    columns: Sequence[Column[T]],
    now: int,
    width: int,
    key: Callable[[T], Hashable] = lambda row: None,
) -> Iterator[Line]:
    """A header and a line for each row, as wide as the document: a cell that is too long takes several rows of it.
    Says which columns have no room."""
    cells = [[one_line(column.cell(row, now), CELL) for column in columns] for row in rows]
    names = [column.name for column in columns]
    wishes = [
        Wish(max(map(cell_len, chain([column.name], (each[place] for each in cells)))), column.shrinks, column.keeps)
        for place, column in enumerate(columns)
    ]
    widths = share(wishes, width, GAP)
    yield Line(_row(names, columns, widths, ["bold $text-muted"] * len(columns)))
    for row, texts in zip(rows, cells, strict=True):
        styles = [themed(column.style(row)) if column.style else "" for column in columns]
        body = Content("\n").join(_folded(texts, columns, widths, styles))
        yield Line(body, key=key(row), opens=key(row) is not None)
    missing = [name for name, cells_wide in zip(names, widths, strict=True) if not cells_wide]
    if missing:
        yield Line(line(f"no room for {', '.join(missing)}", "$text-muted"))


def _folded(
    texts: Sequence[str], columns: Sequence[Column[T]], widths: Sequence[int], styles: Sequence[str]
) -> list[Content]:
    """The rows that a row of a table takes."""
    cells = [
        [part.plain for part in Content(text).wrap(width)] if column.shrinks and cell_len(text) > width > 0 else [text]
        for text, column, width in zip(texts, columns, widths, strict=True)
    ]
    return [_row(parts, columns, widths, styles) for parts in zip_longest(*cells, fillvalue="")]


def _row(texts: Sequence[str], columns: Sequence[Column[T]], widths: Sequence[int], styles: Sequence[str]) -> Content:
    shown = [
        Content.styled(fitted(text, width, column.align), style)
        for text, column, width, style in zip(texts, columns, widths, styles, strict=True)
        if width
    ]
    return Content(" " * GAP).join(shown)
