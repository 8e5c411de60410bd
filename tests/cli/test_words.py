"""`@last`, colour, the pager, and the pages of `emp help`."""

import subprocess
import sys
from pathlib import Path

import pytest

from emp_cli.commands.help import TOPICS
from emp_cli.exits import MEANINGS
from tests.cli.conftest import Command, Shell, terminal
from tests.generated import ROOT


def test_last_is_the_job_that_was_submitted_last_from_here(emp: Command) -> None:
    none = emp("job", "@last")
    assert (none.code, none.err) == (
        6,
        "error: no job @last\nhint: no job was submitted from here yet: emp submit --help\n",
    )
    emp("submit", "--service", "a", "--id", "first")
    emp("submit", "-", stdin='{"service": "a", "id": "second"}\n{"service": "a", "id": "third"}\n')
    assert emp("job", "hold", "@last", "first", "-q").lines == ["third", "first"]
    assert emp("explain", "@last").out.startswith("job third is held")
    assert emp("job", "events", "@last", "-q").lines == ["third"]


def test_submit_goes_on_if_it_cannot_be_remembered_as_the_last(
    emp: Command, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (surroundings / "file").touch()
    monkeypatch.setenv("EMP_DATA_DIR", str(surroundings / "file" / "data"))
    said = emp("submit", "--service", "a", "--id", "stored")
    assert (said.code, said.out) == (0, "stored\n")
    assert "warning: @last does not know this job: " in said.err


@pytest.mark.parametrize("topic", TOPICS)
def test_help_has_a_page_on_every_topic(emp: Command, topic: str) -> None:
    said = emp("help", topic)
    assert (said.code, said.err) == (0, "")
    assert len(said.lines) > 5


def test_help_of_a_command_is_what_the_command_says(emp: Command) -> None:
    assert emp("help", "job", "cancel").out.strip() == emp("job", "cancel", "--help").out.strip()
    assert "emp help filters | formats" in emp("help").out
    assert all(meaning in emp("help", "exit-codes").out for meaning in MEANINGS.values())
    said = emp("help", "filtres")
    assert (said.code, said.err) == (6, "error: no command or topic filtres; did you mean filters?\nhint: emp help\n")


@pytest.mark.parametrize(
    ("variables", "option", "coloured"),
    [
        ({}, (), False),
        ({}, ("--color", "always"), True),
        ({"CLICOLOR_FORCE": "1"}, (), True),
        ({"CLICOLOR_FORCE": "1"}, ("--color", "never"), False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
    ],
)
def test_colour_is_for_terminals_unless_it_is_asked_for(
    emp: Command, shell: Shell, variables: dict[str, str], option: tuple[str, ...], coloured: bool
) -> None:
    emp("submit", "--service", "a", "--id", "one")
    shell.environ.update(variables)
    said = shell("jobs", *option)
    assert ("\x1b[36m" in said.out or "\x1b[31m" in said.out) is coloured
    assert "one" in said.out


def test_table_that_is_higher_than_the_terminal_goes_through_the_pager(
    emp: Command, shell: Shell, tmp_path: Path
) -> None:
    emp("submit", "-", stdin='{"service": "a"}\n' * 30)
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > {tmp_path}/paged\n")
    pager.chmod(0o755)
    shell.environ |= {"PAGER": str(pager), "TERM": "xterm", "LINES": "24", "COLUMNS": "80"}
    with terminal() as (_, theirs):
        subprocess.run(
            [sys.executable, "-m", "emp_cli", "jobs"],
            env={**shell.environ, "PYTHONPATH": str(ROOT)},
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            check=True,
        )
        assert len((tmp_path / "paged").read_text().splitlines()) == 31
