"""How rows are written: as a table for people, as JSON, YAML and CSV for programs, as ids for pipes."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from emp_cli.output import pager, terminal
from emp_cli.output.clean import clean, csv_text, json_text, one_line
from emp_cli.output.layout import Column, Format, Layout, Sheet, View

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text as RichText

T = TypeVar("T")

NOTHING = "nothing to show"


def show(rows: Sequence[T], sheet: Sheet[T], layout: Layout, now: int = 0, *, nothing: str = NOTHING) -> None:
    """Write rows; a table that is higher than the terminal goes through a pager."""
    if layout.format.is_table:
        pager.show(lambda: write(rows, sheet, layout, now, nothing=nothing))
    else:
        write(rows, sheet, layout, now, nothing=nothing)


def write(rows: Sequence[T], sheet: Sheet[T], layout: Layout, now: int = 0, *, nothing: str = NOTHING) -> None:
    """Write rows to stdout; `nothing` is said where there is none to look at."""
    rows = layout.sorted(sheet, rows, now)
    if layout.format.is_table:
        if rows:
            columns, wide = layout.columns_of(sheet, rows, now), layout.format is Format.WIDE
            write_table(rows, columns, now, headers=layout.headers, whole=wide)
        else:
            terminal.note(nothing)
    elif layout.format is Format.IDS:
        for key in dict.fromkeys(sheet.key(row) for row in rows):
            if key:
                terminal.data(one_line(key))
    else:
        write_views([sheet.view(row) for row in rows], layout)


def write_views(views: Sequence[View], layout: Layout) -> None:
    """Write rows that are JSON already."""
    chosen = [layout.view_of(view) for view in views]
    match layout.format:
        case Format.JSONL:
            for view in chosen:
                terminal.data(json_text(view))
        case Format.CSV:
            if chosen:
                terminal.data(_csv(chosen, headers=layout.headers))
        case Format.YAML:
            terminal.data(_yaml(chosen))
        case _:
            write_json(chosen)


def write_view(view: View, layout: Layout) -> None:
    """Write the one object that a command has."""
    match layout.format:
        case Format.JSON:
            write_json(layout.view_of(view))
        case Format.YAML:
            terminal.data(_yaml(layout.view_of(view)))
        case _:
            write_views([view], layout)


def write_json(value: Any) -> None:
    """Write one JSON value, for people and programs."""
    terminal.data(json_text(value, indent=2))


def table(rows: Sequence[T], columns: Sequence[Column[T]], now: int, *, headers: bool = True) -> "Table":
    """A table without lines, whose cells hold nothing but text."""
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=headers)
    for column in columns:
        grid.add_column(column.name, justify=column.align, no_wrap=not column.shrinks)
    for row in rows:
        grid.add_row(*(_text(column, row, now) for column in columns))
    return grid


def _text(column: Column[T], row: T, now: int) -> "RichText":
    from rich.text import Text

    style = column.style(row) if column.style else ""
    return Text(one_line(column.cell(row, now)), style=style, no_wrap=True, overflow="ellipsis")


def write_table(
    rows: Sequence[T], columns: Sequence[Column[T]], now: int, *, headers: bool = True, whole: bool = False
) -> None:
    """Write a table as wide as the terminal; whole if that is asked for or there is no terminal."""
    plain = terminal.out_is_plain()
    lines = _plain_lines(rows, columns, now, headers=headers) if plain else _lines(rows, columns, now, headers, whole)
    for line in lines:
        terminal.data(line)


def _lines(rows: Sequence[T], columns: Sequence[Column[T]], now: int, headers: bool, whole: bool) -> list[str]:
    """The lines of a table with their colours."""
    console = terminal.stdout(whole=whole)
    with console.capture() as captured:
        console.print(table(rows, columns, now, headers=headers))
    lines = captured.get().splitlines()
    return lines if terminal.out_is_terminal() else [line.rstrip() for line in lines]


def _plain_lines(rows: Sequence[T], columns: Sequence[Column[T]], now: int, *, headers: bool) -> list[str]:
    """The same without colours and uncut, for which Rich need not be imported."""
    lines = [[one_line(column.cell(row, now)) for column in columns] for row in rows]
    if headers:
        lines.insert(0, [column.name for column in columns])
    widths = [max(map(_width, cells)) for cells in zip(*lines, strict=True)]
    return ["  ".join(map(_padded, cells, widths, (column.align for column in columns))).rstrip() for cells in lines]


def _padded(cell: str, width: int, align: str) -> str:
    space = " " * (width - _width(cell))
    return space + cell if align == "right" else cell + space


def _width(cell: str) -> int:
    """How many places a text takes; some characters take two, or none."""
    if cell.isascii():
        return len(cell)
    from rich.cells import cell_len

    return cell_len(cell)


def _csv(views: Sequence[View], *, headers: bool) -> str:
    text = io.StringIO()
    names = list(dict.fromkeys(name for view in views for name in view))
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    if headers:
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


def _yaml(value: Any) -> str:
    """YAML in ASCII, as `json_text` writes JSON."""
    import json

    import yaml

    plain = json.loads(json_text(value))  # YAML would write tuples and the like as types of Python's
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=False, width=120).rstrip("\n")
