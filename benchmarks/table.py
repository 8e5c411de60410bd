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

    measured: str = ""
    """The same in the unit that was measured, if the figure is a ratio."""

    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the figure reaches its bars."""
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
    header = ("", "", "must", "aim", "found", "", "measured", "")
    lines = [header, *(_cells(row, before) for row, before in zip(rows, [None, *rows], strict=False))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join([heading, "", *(_line(line, widths) for line in lines)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (_aligned(cell, width, at) for at, (cell, width) in enumerate(zip(cells, widths, strict=True)))
    return "  ".join(padded).rstrip()


def _cells(row: Row, before: Row | None) -> tuple[str, ...]:
    group = "" if before is not None and before.group == row.group else row.group
    sign = "≥ " if row.higher else "≤ "
    bars = ["" if bar is None else sign + number(bar) for bar in (row.must, row.aim)]
    return (
        group,
        row.name,
        *bars,
        f"{number(row.value)} {row.unit}",
        row.verdict,
        row.measured,
        row.note,
    )


def number(value: float) -> str:
    """As a person reads it: three digits, or all of a large one."""
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


_NUMBERS = (2, 3, 4, 6)
"""The columns of figures."""


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column in _NUMBERS else cell.ljust(width)


def as_json(rows: Sequence[Row], heading: str) -> str:
    """The same for programs."""
    found = [{**asdict(row), "verdict": row.verdict} for row in rows]
    return json.dumps({"conditions": heading, "rows": found})
