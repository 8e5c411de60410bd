"""Read-only mode: no command changes the queue, those that would are refused with exit 4, and the others read on.

Each command is listed here, so that a new one has to say on which side it stands.
"""

from collections.abc import Mapping, Sequence

import pytest

from emp_core.store import Store
from tests.cli.conftest import Command, Do, Shell, first_line
from tests.cli.test_help import TREE
from tests.support.builders import register, submit
from tests.support.redis_server import Server

CHANGES: Mapping[str, Sequence[str]] = {
    "submit": ["--service", "x"],
    "job cancel": ["job-0001"],
    "job retry": ["job-0002"],
    "job requeue": ["job-0001"],
    "job hold": ["job-0001"],
    "job unhold": ["job-0001"],
    "job priority": ["job-0001", "90"],
    "job delete": ["job-0002"],
    "import": ["none.jsonl"],
    "worker start": ["--services", "simulation"],
    "worker pause": ["gpu1:0"],
    "worker resume": ["gpu1:0"],
    "worker drain": ["gpu1:0"],
    "worker stop": [],
    "worker restart": [],
    "hub start": [],
    "hub stop": [],
    "hub restart": [],
    "demo": ["--fast"],
}
READS: Mapping[str, Sequence[str]] = {
    "jobs": [],
    "job show": ["job-0002", "--payload"],
    "job wait": ["job-0002"],
    "job follow": ["job-0002"],
    "job logs": ["job-0002"],
    "job events": ["job-0002"],
    "job result": ["job-0002"],
    "explain": ["job-0001"],
    "summary": [],
    "export": [],
    "workers": ["--all"],
    "worker show": ["gpu1:0"],
    "worker diff": ["gpu1:0", "gpu1:0"],
    "worker status": [],
    "worker logs": [],
    "hub logs": [],
    "events": [],
    "audit": [],
    "hub status": [],
    "context add": ["prod", "--redis", "redis://127.0.0.1:1/0"],
    "context use": ["--none"],
    "context list": [],
    "context show": [],
    "context remove": ["prod"],
    "config show": ["--origin"],
    "config check": [],
    "config schema": [],
    "doctor": [],
    "redis functions": [],
    "dashboard": [],
    "completion": ["bash"],
    "help": ["filters"],
}
NOT_0 = {"worker logs": 6, "hub logs": 6, "hub status": 5, "context show": 6, "context remove": 6, "dashboard": 2}
"""No hub runs, there is no terminal, and there are no contexts: these are a person's own notes."""

LEAVES = [path.removeprefix("emp ") for path, command in TREE.items() if not hasattr(command, "commands")]


async def _fill(store: Store) -> None:
    """A job that waits, one that ended, and a worker."""
    worker = await register(store)
    await submit(store, id="job-0002")
    await worker.complete(await worker.take())
    await submit(store, id="job-0001")


def dump(server: Server) -> dict[bytes, bytes]:
    """All that Redis holds."""
    return {key: server.client.dump(key) for key in server.client.keys("*")}


def test_every_command_is_on_one_side() -> None:
    assert sorted([*CHANGES, *READS]) == sorted(LEAVES)


@pytest.mark.parametrize("command", CHANGES)
@pytest.mark.parametrize("place", ["before", "behind", "variable"])
def test_command_that_changes_something_is_refused_and_exits_4(
    emp: Command, do: Do[object], server: Server, monkeypatch: pytest.MonkeyPatch, command: str, place: str
) -> None:
    do(_fill)
    before = dump(server)
    words = [*command.split(), *CHANGES[command]]
    if place == "variable":
        monkeypatch.setenv("EMP_READ_ONLY", "1")
    said = emp(*{"before": ["--read-only", *words], "behind": [*words, "--read-only"], "variable": words}[place])
    assert (said.code, said.out) == (4, "")
    assert "error: a read-only command may not" in said.err
    assert "hint: leave out --read-only, and unset EMP_READ_ONLY" in said.err
    assert dump(server) == before


@pytest.mark.parametrize("command", READS)
def test_command_that_only_reads_works_and_changes_nothing(
    emp: Command, do: Do[object], server: Server, command: str
) -> None:
    do(_fill)
    before = dump(server)
    said = emp("--read-only", *command.split(), *READS[command])
    assert said.code == NOT_0.get(command, 0), said.err
    assert dump(server) == before


@pytest.mark.parametrize(
    "words",
    [
        ["submit", "--service", "comfyui", "--dry-run"],
        ["submit", "--service", "comfyui", "--require", "gpu_memory_gb=500", "--dry-run"],
        ["job", "cancel", "job-0001", "--dry-run"],
        ["job", "delete", "--where", "status:completed", "--dry-run"],
    ],
)
def test_dry_run_is_a_read(emp: Command, do: Do[object], server: Server, words: list[str]) -> None:
    do(_fill)
    before = dump(server)
    assert emp("--read-only", *words).code == 0
    assert dump(server) == before


def test_empty_redis_stays_empty(emp: Command, server: Server) -> None:
    assert emp("--read-only", "summary").code == 0
    assert dump(server) == {}


def test_order_that_is_refused_reads_no_stdin(shell: Shell, server: Server) -> None:
    for words in (["submit", "-"], ["job", "cancel", "-"]):
        with shell.begin("--read-only", *words) as process:  # whose stdin stays open
            assert first_line(process.stderr) == f"error: a read-only command may not {words[-2]} jobs"
            assert process.wait() == 4


@pytest.mark.parametrize(("text", "code"), [("0", 0), ("false", 0), ("", 0), ("true", 4), ("maybe", 2)])
def test_variable_is_a_flag(emp: Command, monkeypatch: pytest.MonkeyPatch, text: str, code: int) -> None:
    monkeypatch.setenv("EMP_READ_ONLY", text)
    assert emp("submit", "--service", "x").code == code


def test_hub_of_another_machine_is_shown(emp: Command) -> None:
    assert emp("--read-only", "hub", "status", "--hub", "http://127.0.0.1:1").code == 5
