"""The doctor's checks on the screen: a line each, and below it what mends a fault."""

import textwrap
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
    """Write all of them, uncut, and broken between words if the terminal is too narrow."""
    from rich.text import Text

    width = max(len(check.name) for check in checks)
    indent = " " * (width + 8)
    for check in checks:
        found = _wrapped(check.found, indent, indent).removeprefix(indent)
        line = Text.assemble((f"{check.state:<4}", STYLES[check.state]), f"  {check.name:<{width}}  {found}")
        if check.fix:
            line.append(f"\n{_wrapped(check.fix, f'{indent}fix: ', f'{indent}     ')}")
        terminal.stdout().print(line, soft_wrap=True)


def _wrapped(text: str, first: str, later: str) -> str:
    """One line, or some: what the first begins with, and the later ones."""
    return textwrap.fill(
        one_line(text),
        terminal.stdout().width,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
