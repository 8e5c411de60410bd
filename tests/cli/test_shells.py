"""What Tab does in real shells, on a real terminal: what they run afterwards is what was completed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emp_cli.commands.completion import Shell as Kind
from emp_cli.commands.completion import script
from emp_core.store import Store
from tests.cli.conftest import Do, Shell, terminal
from tests.generated import ROOT
from tests.support.builders import register, submit
from tests.support.waiting import poll_until

# Tab asks the command itself, a process of Python; Enter runs a stand-in that notes its arguments.
EMP = f"""#!/bin/sh
[ -z "$_EMP_COMPLETE" ] || exec {sys.executable} -m emp_cli "$@"
printf '%s\\n' "$@" > typed.new && mv typed.new typed
"""

START = {
    Kind.BASH: ("bash", "--noprofile", "--norc", "-i"),
    Kind.ZSH: ("zsh", "-f", "-i"),
    Kind.FISH: ("fish", "--no-config", "-i"),
}

BEFORE = {Kind.BASH: "", Kind.ZSH: "autoload -U compinit && compinit -u -D\n", Kind.FISH: ""}

Typed = Callable[[str], list[str]]


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.needs(kind.value), id=kind.value) for kind in Kind])
def type_line(request: pytest.FixtureRequest, shell: Shell, tmp_path: Path, do: Do[object]) -> Iterator[Typed]:
    """Types a line with Tabs in it into a shell, and Enter; what the command is then given."""
    kind: Kind = request.param
    do(_fill)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "emp").write_text(EMP)
    (tmp_path / "bin" / "emp").chmod(0o755)
    (tmp_path / "completion").write_text(BEFORE[kind] + script(kind))
    home = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "TERM": "dumb",
    }
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    typed = tmp_path / "typed"
    with terminal() as (ours, theirs):
        process = subprocess.Popen(
            ("setsid", "--ctty", *START[kind]),  # fish wants the terminal to be its own
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=tmp_path,
            env={**shell.environ, **home, "PATH": path, "PYTHONPATH": str(ROOT)},
        )

        def type_into(line: str) -> list[str]:
            typed.unlink(missing_ok=True)
            # Behind a whole value fish closes the quotes by itself.
            end = "" if kind is Kind.FISH else '"' if '"' in line else "'"
            os.write(ours, line.replace("{end}", end).encode() + b"\n")
            poll_until(lambda: _drained(ours) and typed.exists(), f"the line {line!r} is run", timeout=60)
            return typed.read_text().splitlines()

        try:
            os.write(ours, b"source ./completion; touch ready\n")
            poll_until(lambda: _drained(ours) and (tmp_path / "ready").exists(), "the shell is ready", timeout=60)
            yield type_into
        finally:
            process.kill()
            process.wait()


def _drained(terminal_end: int) -> bool:
    """Reads what the shell shows, so that it is never kept waiting; always true."""
    os.set_blocking(terminal_end, False)
    try:
        while os.read(terminal_end, 65_536):
            pass
    except BlockingIOError:
        pass
    return True


async def _fill(store: Store) -> None:
    await register(store)
    await submit(store, id="abcd1234", customer_id="acme", labels={"batch": "night shift"})
    await submit(store, id="xyz98765", customer_id="zoo", labels={"evil": "$(touch pwned)`touch pwned`"})
    await submit(store, id="quo76543", labels={"breaks": "a ;touch pwned; b"})


LINES = {
    "emp jobs --unw\t": ["jobs", "--unworkable"],
    "emp job show abc\t": ["job", "show", "abcd1234"],
    "emp worker pause gp\t": ["worker", "pause", "gpu1:0"],
    "emp worker pause gpu1:\t": ["worker", "pause", "gpu1:0"],
    "emp jobs --status pe\t": ["jobs", "--status", "pending"],
    "emp jobs --customer z\t": ["jobs", "--customer", "zoo"],
    "emp submit --require gpu_mem\t24": ["submit", "--require", "gpu_memory_gb=24"],
    "emp jobs --where status:pen\t": ["jobs", "--where", "status:pending"],
    "emp jobs --where 'status:pending custome\tac\t{end}": ["jobs", "--where", "status:pending customer:acme"],
    "emp jobs --where 'label.ba\t42'": ["jobs", "--where", "label.batch:42"],
}


def test_tab_completes_and_enter_runs_what_it_shows(type_line: Typed) -> None:
    assert {line: type_line(line) for line in LINES} == LINES


def test_values_of_jobs_are_not_evaluated(type_line: Typed, tmp_path: Path) -> None:
    for condition in ("'label.evil:\t'", '"label.evil:\t"', '"label.breaks:\t{end}'):
        type_line(f"emp jobs --where {condition}")
        assert not (tmp_path / "pwned").exists(), condition
