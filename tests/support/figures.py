"""Figures that tests keep for a table at the end of the run, from whichever process they run in."""

from collections.abc import Callable
from typing import Any

import pytest

FIGURE = "figure"

Figure = Callable[[str, object], None]


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Keeps a figure under a name."""

    def keep(name: str, value: object) -> None:
        request.node.user_properties.append((FIGURE, [request.node.name, name, str(value)]))

    return keep


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    reports = [report for group in terminalreporter.stats.values() for report in group]
    calls = [report for report in reports if getattr(report, "when", "") == "call"]
    rows = [value for report in calls for key, value in report.user_properties if key == FIGURE]
    if not rows:
        return
    terminalreporter.section(f"figures, --randomly-seed={config.getoption('randomly_seed', 'none')}")
    width = [max(len(row[column]) for row in rows) for column in range(2)]
    for scenario, name, value in sorted(rows, key=lambda row: row[0]):
        terminalreporter.write_line(f"{scenario:{width[0]}}  {name:{width[1]}}  {value}")
