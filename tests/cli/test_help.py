"""Every command says what it does, and shows it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from emp_cli.app import app
from emp_cli.commands.completion import Shell, script


def commands(command: Any, path: str = "emp") -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield f"{path} {name}", inner
        yield from commands(inner, f"{path} {name}")


TREE = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", TREE)
def test_every_command_has_a_sentence(path: str) -> None:
    first = (TREE[path].help or "").partition("\n")[0]
    assert re.match(r"[A-Z].*[.:]", first), first


@pytest.mark.parametrize("path", [path for path, command in TREE.items() if not hasattr(command, "commands")])
def test_every_command_shows_an_example_of_itself(path: str) -> None:
    examples = (TREE[path].help or "").partition("\b\n")[2].splitlines()
    assert examples
    word = path.removesuffix(" show")
    assert any(word in line for line in examples), examples


@pytest.mark.parametrize("path", TREE)
def test_every_option_says_what_it_is_for(path: str) -> None:
    silent = [param.name for param in TREE[path].params if not param.help and param.name != "help"]
    assert silent == []


def test_the_examples_of_the_help_use_options_that_exist() -> None:
    for path, command in TREE.items():
        known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        for line in (command.help or "").partition("\b\n")[2].splitlines():
            for part in re.split(r"\||&&", line):
                if path in part:
                    used = re.findall(r"(?<=\s)(--?[a-z][a-z-]*)", part)
                    assert set(used) <= known | {"-m"}, (line, known)


@pytest.mark.parametrize("shell", Shell)
def test_the_completion_script_asks_the_command(shell: Shell) -> None:
    assert "_EMP_COMPLETE" in script(shell)
