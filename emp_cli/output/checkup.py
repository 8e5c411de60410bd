"""The doctor's checks on the screen: a line each, and below it what mends a fault."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from emp_cli.output import terminal
from emp_cli.output.clean import one_line
from emp_cli.output.layout import Column, Sheet
from emp_core.domain import json_fields

if TYPE_CHECKING:
    from emp_core.client.doctor import Check

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}

CHECKS: Sheet["Check"] = Sheet(
    (
        Column("STATE", lambda check, now: check.state),
        Column("CHECK", lambda check, now: check.name),
        Column("FOUND", lambda check, now: check.found, shrinks=True),
        Column("FIX", lambda check, now: check.fix, shrinks=True),
    ),
    asdict,
    lambda check: check.name,
    json_fields.CHECK,
)


def write_checks(checks: Sequence["Check"]) -> None:
    """Write all of them, uncut, so that each command can be copied."""
    from rich.text import Text

    width = max(len(check.name) for check in checks)
    for check in checks:
        line = Text.assemble((f"{check.state:<4}", STYLES[check.state]), f"  {check.name:<{width}}  ")
        line.append(one_line(check.found))
        if check.fix:
            line.append(f"\n{'':<{width + 8}}fix: {one_line(check.fix)}")
        terminal.stdout().print(line, soft_wrap=True)
