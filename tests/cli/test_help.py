"""Every command says what it does, and shows it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from emp_cli.app import COMMANDS, app
from emp_cli.commands.completion import Shell, script
from emp_cli.exits import ExitCode
from emp_cli.group import Deferred, loaded
from tests.cli.conftest import Command
from tests.support.help_of_emp import help_of_emp


def commands(command: Any, path: str = "emp") -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield f"{path} {name}", loaded(inner)
        yield from commands(loaded(inner), f"{path} {name}")


TREE = dict(commands(typer.main.get_command(app)))

EXAMPLES = "Examples:\n"


@pytest.mark.parametrize("path", TREE)
def test_every_command_has_a_sentence(path: str) -> None:
    first = (TREE[path].help or "").partition("\n")[0]
    assert re.match(r"[A-Z].*[.:]", first), first


@pytest.mark.parametrize("path", [path for path, command in TREE.items() if not hasattr(command, "commands")])
def test_every_command_shows_an_example_of_itself(path: str) -> None:
    examples = (TREE[path].help or "").partition(EXAMPLES)[2].splitlines()
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
        for line in (command.help or "").partition(EXAMPLES)[2].splitlines():
            for part in re.split(r"\||&&", line):
                if path in part:
                    used = re.findall(r"(?<=\s)(--?[a-z][a-z-]*)", part)
                    assert set(used) <= known | {"-m", "-busy", "--redis"}, (line, known)


@pytest.mark.parametrize("path", ["emp", *TREE])
def test_the_help_speaks_of_what_people_type_and_not_of_types(path: str, emp: Command) -> None:
    said = emp(*path.split()[1:], "--help")
    assert said.code == 0
    assert re.findall(r"<[a-z\[\]]+>|list\[|\{[A-Za-z]+\}|\x08", said.out) == []
    assert re.search(r"-h, --help +Show this help\.", said.out)
    assert [line for line in said.lines if len(line) > 80 and "emp " not in line] == []


@pytest.mark.parametrize("path", TREE)
def test_usage_has_each_argument_in_one_pair_of_brackets(path: str, emp: Command) -> None:
    usage = next(line for line in emp(*path.split()[1:], "--help").lines if "Usage:" in line)
    assert "[[" not in usage
    assert "]...]" not in usage


@pytest.mark.parametrize("path", [path for path, command in TREE.items() if not hasattr(command, "commands")])
def test_the_examples_have_a_heading(path: str, emp: Command) -> None:
    lines = emp(*path.split()[1:], "--help").lines
    heading = [line.strip() for line in lines].index("Examples:")
    assert "emp " in lines[heading + 1]
    assert lines[heading - 1].strip() == ""
    assert lines[heading - 2].strip()


def test_help_that_is_kept_in_a_file_is_that_of_the_tree() -> None:
    answers = [
        subprocess.run([sys.executable, "-m", "emp_cli", *words], capture_output=True, text=True, check=True).stdout
        for words in (["--help"], ["-h"], [])
    ]
    assert set(answers) == {help_of_emp()}


def test_the_help_of_emp_lists_the_exit_codes(emp: Command) -> None:
    (block,) = re.findall(r"Exit codes: *\n(.*)", emp("--help").out, re.DOTALL)
    assert [int(line.split()[0]) for line in block.splitlines() if line.strip()] == [*ExitCode]


@pytest.mark.parametrize("listed", COMMANDS, ids=lambda listed: listed.name)
def test_list_of_commands_says_what_the_command_says(listed: Deferred) -> None:
    assert listed.help == loaded(listed).help.partition("\n")[0]


def test_the_commands_stand_in_the_order_in_which_one_needs_them(emp: Command) -> None:
    shown = re.findall(r"^  ([a-z]+) ", emp("--help").out, re.MULTILINE)
    assert shown == [
        *("submit", "jobs", "job", "explain"),
        *("summary", "workers", "worker", "events", "audit", "dashboard"),
        *("hub", "context", "config", "doctor", "redis", "demo", "export", "import", "completion", "help"),
    ]


def test_an_option_that_takes_some_formats_names_only_these(emp: Command) -> None:
    assert "table, json, jsonl or yaml, on stdout" in emp("hub", "status", "--help").out
    assert "table, json, jsonl, yaml or csv, on stdout" in emp("summary", "--help").out


@pytest.mark.parametrize("shell", Shell)
def test_the_completion_script_asks_the_command(shell: Shell) -> None:
    assert "_EMP_COMPLETE" in script(shell)
