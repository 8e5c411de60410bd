"""What is known of one thing, a line each."""

from collections.abc import Iterable

from emp_cli.output import terminal
from emp_cli.output.clean import one_line

LABEL = 11


def write_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Write what is known, a line each; nothing where nothing is known."""
    for label, text in facts:
        if text:
            terminal.data(f"{label:<{LABEL}} {one_line(text)}")
