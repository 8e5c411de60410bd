"""`emp completion`: the script that teaches a shell the command."""

from enum import StrEnum
from typing import Annotated

import typer

from emp_cli.output import terminal


class Shell(StrEnum):
    """The shells that completions are made for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]) -> None:
    """Print the completion script of a shell.

    Examples:
    emp completion bash > ~/.local/share/bash-completion/completions/emp
    emp completion zsh > "${fpath[1]}/_emp"
    emp completion fish > ~/.config/fish/completions/emp.fish
    """
    terminal.data(script(shell).rstrip("\n"))


def script(shell: Shell) -> str:
    """The script; the files in `completions/` are made of it."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    return get_completion_script(prog_name="emp", complete_var="_EMP_COMPLETE", shell=shell.value) + "\n"
