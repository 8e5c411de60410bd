"""How rows are written: as a table for people, as JSON, JSON lines and CSV for programs, as ids for pipes."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from emp_cli.output import terminal
from emp_cli.output.clean import clean, csv_text, json_text, one_line

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text as RichText

T = TypeVar("T")

View = Mapping[str, Any]

NOTHING = "nothing to show"


class Format(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    IDS = "ids"


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of a table; the cell's text is given the row and the time in ms."""

    name: str
    cell: Callable[[T, int], str]
    align: Literal["left", "right"] = "left"
    style: Callable[[T], str] | None = None
    """The colour of a cell, as Rich names it."""

    shrinks: bool = False
    """Gives way where the terminal is narrow."""

    optional: bool = False
    """Left out if it is empty in every row."""


@dataclass(frozen=True, slots=True)
class Sheet(Generic[T]):
    """A kind of row: its columns, its JSON, its id."""

    columns: tuple[Column[T], ...]
    view: Callable[[T], View]
    key: Callable[[T], str]


def write(rows: Sequence[T], sheet: Sheet[T], output: Format, now: int = 0, *, nothing: str = NOTHING) -> None:
    """Write rows to stdout; `nothing` is said where there is none to look at."""
    match output:
        case Format.TABLE if not rows:
            terminal.note(nothing)
        case Format.TABLE:
            write_table(table(rows, sheet, now))
        case Format.IDS:
            for key in dict.fromkeys(sheet.key(row) for row in rows):
                if key:
                    terminal.data(one_line(key))
        case _:
            write_views([sheet.view(row) for row in rows], output)


def write_views(views: Sequence[View], output: Format) -> None:
    """Write rows that are JSON already."""
    match output:
        case Format.JSONL:
            for view in views:
                terminal.data(json_text(view))
        case Format.CSV:
            if views:
                terminal.data(_csv(views))
        case _:
            write_json(list(views))


def write_one_or_all(views: Sequence[View], output: Format) -> None:
    """Write what was asked for by name: one is an object in JSON, several are a list."""
    if output is Format.JSON and len(views) == 1:
        write_json(views[0])
    else:
        write_views(views, output)


def write_json(value: Any) -> None:
    """Write one JSON value, for people and programs."""
    terminal.data(json_text(value, indent=2))


def table(rows: Iterable[T], sheet: Sheet[T], now: int) -> "Table":
    """A table without lines, whose cells hold nothing but text."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    some = list(rows)
    columns = [each for each in sheet.columns if not each.optional or any(each.cell(row, now) for row in some)]
    for column in columns:
        grid.add_column(column.name, justify=column.align, no_wrap=not column.shrinks)
    for row in some:
        grid.add_row(*(_text(column, row, now) for column in columns))
    return grid


def _text(column: Column[T], row: T, now: int) -> "RichText":
    from rich.text import Text

    style = column.style(row) if column.style else ""
    return Text(one_line(column.cell(row, now)), style=style, no_wrap=True, overflow="ellipsis")


def write_table(grid: "Table") -> None:
    """Write a table as wide as the terminal, or whole where there is none."""
    console = terminal.stdout()
    with console.capture() as captured:
        console.print(grid)
    lines = captured.get().splitlines()
    for line in lines if console.is_terminal else map(str.rstrip, lines):
        terminal.data(line)


def _csv(views: Sequence[View]) -> str:
    text = io.StringIO()
    names = list(dict.fromkeys(name for view in views for name in view))
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    for view in views:
        writer.writerow({name: _cell(value) for name, value in view.items()})
    return text.getvalue().rstrip("\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return csv_text(value)
    return clean(json_text(value))
