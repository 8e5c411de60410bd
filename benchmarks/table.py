"""What was measured, against its bars, as a table or as JSON."""

import importlib.metadata
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure."""

    group: str
    name: str
    value: float
    unit: str
    must: float | None = None
    aim: float | None = None
    higher: bool = False
    """More is better."""

    note: str = ""

    @property
    def verdict(self) -> str:
        """`aim`, `ok`, `miss`, or nothing where there is no bar."""
        if self.must is None:
            return ""
        if self.aim is not None and self._reaches(self.aim):
            return "ok (aim)"
        return "ok" if self._reaches(self.must) else "MISS"

    def _reaches(self, bar: float) -> bool:
        return self.value >= bar if self.higher else self.value <= bar


def conditions(engine: str, transport: str, loop: str) -> str:
    """Where, with what and when."""
    names = ("redis", "hiredis")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    python = f"Python {platform.python_version()} ({loop}), {versions}"
    return f"{_processor()} · {engine} on {transport} · {python} · {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(models)}x {models[0]}" if models else platform.machine()


def as_text(rows: Sequence[Row], heading: str) -> str:
    """A table for people."""
    header = ("", "", "must", "aim", "measured", "", "")
    lines = [header, *(_cells(row, before) for row, before in zip(rows, [None, *rows], strict=False))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join([heading, "", *(_line(line, widths) for line in lines)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (_aligned(cell, width, at) for at, (cell, width) in enumerate(zip(cells, widths, strict=True)))
    return "  ".join(padded).rstrip()


def _cells(row: Row, before: Row | None) -> tuple[str, ...]:
    group = "" if before is not None and before.group == row.group else row.group
    sign = "≥ " if row.higher else "≤ "
    bars = ["" if bar is None else sign + _number(bar) for bar in (row.must, row.aim)]
    return group, row.name, *bars, f"{_number(row.value)} {row.unit}", row.verdict, row.note


def _number(value: float) -> str:
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if 2 <= column <= 4 else cell.ljust(width)


def as_json(rows: Sequence[Row], heading: str) -> str:
    """The same for programs."""
    return json.dumps({"conditions": heading, "rows": [{**asdict(row), "verdict": row.verdict} for row in rows]})
