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

    slowness: float | None = None
    """How many times longer than where the bars were set this machine took meanwhile; None where it does not matter."""

    note: str = ""

    @property
    def adjusted(self) -> float | None:
        """The figure as it would be where the bars were set."""
        if self.slowness is None:
            return None
        return self.value * self.slowness if self.higher else self.value / self.slowness

    @property
    def verdict(self) -> str:
        """Of the figure as measured."""
        return self._verdict(self.value)

    @property
    def adjusted_verdict(self) -> str:
        """Of the figure as it would be."""
        return "" if self.adjusted is None else self._verdict(self.adjusted)

    def _verdict(self, value: float) -> str:
        if self.must is None:
            return ""
        if self.aim is not None and self._reaches(value, self.aim):
            return "ok (aim)"
        return "ok" if self._reaches(value, self.must) else "MISS"

    def _reaches(self, value: float, bar: float) -> bool:
        return value >= bar if self.higher else value <= bar


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
    header = ("", "", "must", "aim", "measured", "", "at the bars' speed", "", "")
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
    adjusted = "" if row.adjusted is None else f"{_number(row.adjusted)} {row.unit}"
    return (
        group,
        row.name,
        *bars,
        f"{_number(row.value)} {row.unit}",
        row.verdict,
        adjusted,
        row.adjusted_verdict,
        row.note,
    )


def _number(value: float) -> str:
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


_NUMBERS = (2, 3, 4, 6)
"""The columns of figures."""


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column in _NUMBERS else cell.ljust(width)


def as_json(rows: Sequence[Row], heading: str) -> str:
    """The same for programs."""
    found = [{**asdict(row), "verdict": row.verdict, "adjusted": row.adjusted} for row in rows]
    return json.dumps({"conditions": heading, "rows": found})
