"""What is said of the jobs that a command refused."""

from emp_cli.output import terminal
from emp_core.errors import EmpError

TOLD = 20
"""Refusals that are told in full."""


class Refusals:
    """Tells of the jobs that were refused, and of each mend once."""

    def __init__(self) -> None:
        self.count = 0
        self._hinted: set[str] = set()

    def tell(self, problem: str, error: EmpError) -> None:
        """Tell it, unless many were told."""
        self.count += 1
        if self.count <= TOLD:
            terminal.fail(problem, "" if error.hint in self._hinted else error.hint)
            self._hinted.add(error.hint)

    def close(self, what: str) -> None:
        """Say how many were not told."""
        if self.count > TOLD:
            terminal.fail(f"{self.count - TOLD:,} more {what}")
