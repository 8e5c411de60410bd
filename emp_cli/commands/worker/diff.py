"""`emp worker diff`: in what two workers differ."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from emp_cli.input.options import ReportOption, WorkerId
from emp_cli.input.worker_names import worker_id_of
from emp_cli.output import formats, terminal
from emp_cli.output.layout import Column, Format, Layout
from emp_cli.run import run
from emp_core.domain.nearest import differences
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp

Row = Mapping[str, Any]


def diff(ctx: typer.Context, first: WorkerId, second: WorkerId, output: ReportOption = Format.TABLE) -> None:
    """Compare what two workers offer: hardware, services, models and the rest.

    Examples:
    emp worker diff gpu1:0 gpu2:0
    emp worker diff gpu1:0 gpu2:0 -o json
    """
    if output in (Format.IDS, Format.CSV):
        raise InvalidInput("format", "a comparison can be table, json, jsonl or yaml")
    run(ctx, lambda emp: _diff(emp, first, second, output))


async def _diff(emp: "AsyncEmp", first: str, second: str, output: Format) -> None:
    some, other = [await emp.worker(await worker_id_of(emp, name)) for name in (first, second)]
    rows = [
        {"capability": name, "values": {some.id: value, other.id: another}}
        for name, value, another in differences(some.capabilities, other.capabilities)
    ]
    if not output.is_table:
        formats.write_views(rows, Layout(output))
    elif rows:
        columns = (CAPABILITY, _column(some.id), _column(other.id))
        formats.write_table(rows, columns, 0)
    else:
        terminal.note(f"{some.id} and {other.id} offer the same")


CAPABILITY: Column[Row] = Column("CAPABILITY", lambda row, now: row["capability"])


def _column(worker: str) -> Column[Row]:
    return Column(worker, lambda row, now: _words(row["values"][worker]), shrinks=True)


def _words(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return "not set" if value is None else str(value)
