"""The help of `emp`, which the command prints from a file."""

import typer

from emp_cli.app import app


def help_of_emp() -> str:
    """As the tree of commands says it."""
    root = typer.main.get_command(app)
    return f"{root.get_help(root.make_context('emp', [], resilient_parsing=True))}\n"
