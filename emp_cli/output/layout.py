"""How rows are shown: in which format, which columns or fields, in which order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

import typer

from emp_cli.output import terminal
from emp_core.domain.json_fields import SCHEMA_VERSION, Fields
from emp_core.domain.values import did_you_mean
from emp_core.errors import InvalidInput

T = TypeVar("T")

View = Mapping[str, Any]

VERSION = "schema_version"


class Format(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    CSV = "csv"
    IDS = "ids"

    @property
    def is_table(self) -> bool:
        """Whether it is for people."""
        return self in (Format.TABLE, Format.WIDE)


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of a table; the cell's text is given the row and the time in ms."""

    name: str
    cell: Callable[[T, int], str]
    align: Literal["left", "right"] = "left"
    style: Callable[[T], str] | None = None
    """The colour of a cell, as Rich names it."""

    shrinks: bool = False
    """Is cut first if the terminal is too narrow."""

    keeps: int = 0
    """Cells that it keeps if it shrinks, as long as columns behind it can be left out; 0: the usual few."""

    optional: bool = False
    """Left out if it is empty in every row."""

    wide: bool = False
    """Shown by `-o wide`, or if it is named."""

    sorts: str = ""
    """The field of JSON that `--sort` takes for it, after a `-` if large values come first; empty: the cell's text."""


@dataclass(frozen=True, slots=True)
class Sheet(Generic[T]):
    """A kind of row: its columns, its JSON, its id."""

    columns: tuple[Column[T], ...]
    view: Callable[[T], View]
    key: Callable[[T], str]
    fields: Fields
    """Those of its JSON."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a person asked for."""

    format: Format = Format.TABLE
    fields: tuple[str, ...] = ()
    """Of JSON; empty: all."""

    columns: tuple[str, ...] = ()
    """Of a table; empty: the usual ones."""

    sort: str = ""
    """A column or field, after a `-` for the reverse; empty: as they come."""

    headers: bool = True

    def view_of(self, view: View) -> dict[str, Any]:
        """An object with the fields that were asked for."""
        whole = {VERSION: SCHEMA_VERSION, **view}
        return {name: _field(whole, name) for name in self.fields} if self.fields else whole

    def columns_of(self, sheet: Sheet[T], rows: Sequence[T], now: int) -> list[Column[T]]:
        """The columns that are shown of some rows."""
        if self.columns:
            return [_column(sheet, name) for name in self.columns]
        wide = self.format is Format.WIDE
        shown = [column for column in sheet.columns if wide or not column.wide]
        return [each for each in shown if not each.optional or any(each.cell(row, now) for row in rows)]

    def sorted(self, sheet: Sheet[T], rows: Sequence[T], now: int) -> Sequence[T]:
        """The rows in the order that was asked for; those without a value are last."""
        if not self.sort:
            return rows
        name = self.sort.removeprefix("-")
        column = _named(sheet, name)
        field = column.sorts if column else name
        descends = self.sort.startswith("-") != field.startswith("-")

        def value(row: T) -> Any:
            if column and not field:
                return column.cell(row, now) or None
            return _field({VERSION: SCHEMA_VERSION, **sheet.view(row)}, field.removeprefix("-"))

        values = [(value(row), row) for row in rows]
        known = [each for each in values if each[0] is not None]
        known.sort(key=lambda each: _comparable(each[0]), reverse=descends)
        return [row for _, row in known] + [row for found, row in values if found is None]


def layout_of(
    sheet: Sheet[T],
    output: Format,
    *,
    quiet: bool = False,
    fields: str | None = None,
    columns: str | None = None,
    sort: str | None = None,
    bare: bool = False,
) -> Layout:
    """What the options ask for. Raises `InvalidInput`; without names `--json` and `--columns` list them and end."""
    if fields is not None and output.is_table:
        output = Format.JSON
    if quiet:
        output = Format.IDS
    if fields == "":
        _list(f"{name}\t{help}" for name, help in {VERSION: "of the fields", **sheet.fields}.items())
    if columns == "":
        _list(name_of(column) for column in sheet.columns)
    if columns and not output.is_table:
        raise InvalidInput("columns", f"are of tables, not of {output}", hint="--json FIELDS chooses fields")
    asked = Layout(output, _names(fields), _names(columns), sort or "", not bare)
    for name in asked.fields:
        _check_field("json", sheet, name)
    for name in asked.columns:
        _column(sheet, name)
    if asked.sort and not _named(sheet, asked.sort.removeprefix("-")):
        _check_field("sort", sheet, asked.sort.removeprefix("-"))
    return asked


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in (text or "").split(",")) if name)


def _list(lines: Iterable[str]) -> None:
    for line in lines:
        terminal.data(line)
    raise typer.Exit


def name_of(column: Column[Any]) -> str:
    """A column's name as it is typed."""
    return column.name.lower().replace(" ", "_")


def _named(sheet: Sheet[T], name: str) -> Column[T] | None:
    return next((column for column in sheet.columns if name_of(column) == name.lower()), None)


def _column(sheet: Sheet[T], name: str) -> Column[T]:
    """A column by its name, or one made of a field of JSON. Raises `InvalidInput`."""
    found = _named(sheet, name)
    if found:
        return found
    names = [*map(name_of, sheet.columns), *sheet.fields]
    if name.partition(".")[0] not in sheet.fields:
        raise InvalidInput("columns", f"has no {name!r}{did_you_mean(name, names)}", hint="--columns alone lists them")
    return Column(name.upper(), lambda row, now: _cell(_field(sheet.view(row), name)), shrinks=True)


def _check_field(option: str, sheet: Sheet[T], name: str) -> None:
    names = [VERSION, *sheet.fields]
    if name.partition(".")[0] not in names:
        raise InvalidInput(option, f"has no {name!r}{did_you_mean(name, names)}", hint="--json alone lists the fields")


def _field(view: View, path: str) -> Any:
    """The value of a field; `labels.batch` is one inside it, null if there is none."""
    value: Any = view
    rest = path
    while rest:
        if not isinstance(value, Mapping):
            return None
        if rest in value:
            return value[rest]
        name, _, rest = rest.partition(".")
        value = value.get(name)
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_cell(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _comparable(value: Any) -> tuple[int, Any]:
    """Numbers by size, before texts."""
    return (0, value) if isinstance(value, int | float) else (1, _cell(value))
