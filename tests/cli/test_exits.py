"""Exit codes are an API, and errors are a line and a hint."""

import io
import subprocess
import sys

import pytest

from emp_cli.exits import CODES, ExitCode, cause_of, code_of
from emp_cli.main import main
from emp_cli.main import run as emp_run
from emp_core import errors
from emp_core.errors import AccessDenied, Ambiguous, EmpError, LimitExceeded, QueueUnavailable
from tests.cli.conftest import Command, Do, Said, Shell, first_line, interrupt, terminal
from tests.generated import ROOT
from tests.support.builders import submit


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LimitExceeded("payload", "max", 2, 1), 2),
        (Ambiguous("ab", ["abc", "abd"]), 2),
        (AccessDenied("no"), 4),
        (QueueUnavailable("redis_unavailable", "away"), 5),
        (errors.NotFound("job", "x"), 6),
        (errors.Refused("register"), 7),
        (EmpError("something"), 1),
    ],
)
def test_the_nearest_class_of_an_error_gives_the_code(error: EmpError, code: int) -> None:
    assert code_of(error) == code


def test_every_error_of_the_tree_has_a_code() -> None:
    tree = [cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, EmpError)]
    assert {cls for cls in tree if not any(base in CODES for base in cls.__mro__)} == {EmpError}


def test_an_error_is_found_among_those_of_a_group() -> None:
    inner, other = errors.NotFound("job", "x"), ValueError()
    assert cause_of(ExceptionGroup("tasks", [other, ExceptionGroup("more", [inner])])) is inner
    assert cause_of(ExceptionGroup("tasks", [other])) is other
    assert cause_of(other) is other


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["jbos"], 2, "error: No such command 'jbos'. Did you mean 'jobs'?\nhint: emp --help\n"),
        (["cancel", "x"], 2, "Did you mean 'job cancel'?"),
        (["top"], 2, "error: No such command 'top'. Did you mean 'dashboard'?\nhint: emp --help\n"),
        (["config", "validate"], 2, "Did you mean 'check'?"),
        (["start"], 2, "Did you mean 'worker start' or 'hub start'?"),
        (["jobs", "--limit", "0"], 2, "must be greater than or equal to 1"),
        (["jobs", "--status", "done"], 2, "'done' is not one of"),
        (["jobs", "--nope"], 2, "No such option"),
        (["jobs", "--redis"], 2, "Option '--redis' requires an argument."),
        (["jobs", "--limit", "abc"], 2, "'--limit' / '-n': must be a whole number"),
        (["job", "priority", "90", "7f3a"], 2, "'PRIORITY': must be a whole number"),
        (["job", "help"], 2, "No such command 'help'."),
        (["explain"], 2, "error: ID: give a job id, or --worker and a worker id\nhint: emp explain --help"),
        (["submit", "--service", "x", "--delay", "soon"], 2, "hint: emp submit --help"),
        (["job", "show", "nobody"], 6, "error: no job nobody\nhint: emp jobs\n"),
        (["worker", "nobody"], 6, "error: no worker nobody\nhint: emp workers --all\n"),
        (["job", "show"], 2, "Missing argument 'ID'"),
    ],
)
def test_what_is_typed_wrong_is_one_line_and_a_hint(emp: Command, words: list[str], code: int, message: str) -> None:
    said = emp(*words)
    assert (said.code, said.out) == (code, "")
    assert message in said.err
    assert len(said.err.splitlines()) == 2


def test_a_bug_is_a_line_and_a_traceback_only_where_it_is_asked_for(
    emp: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emp_cli.commands.jobs.run", lambda *_: 1 / 0)
    said = emp("jobs")
    assert (said.code, said.out) == (1, "")
    assert said.err == "error: a bug in emp: ZeroDivisionError: division by zero\nhint: run it again with --debug\n"
    assert "Traceback" in emp("jobs", "--debug").err


def test_the_codes_are_the_documented_ones() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "NO_WORKER": 3,
        "DENIED": 4,
        "UNAVAILABLE": 5,
        "NOT_FOUND": 6,
        "CONFLICT": 7,
        "TIMEOUT": 8,
        "CANCELLED": 9,
        "INTERRUPTED": 130,
    }


def test_a_wrong_password_is_denied(shell: Shell) -> None:
    url = shell.environ["REDIS_URL"].replace("unix://", "unix://:wrong@")
    assert shell("jobs", "--redis", url).code == 4


def test_data_goes_to_stdout_and_what_is_said_of_it_to_stderr(shell: Shell, do: Do[object]) -> None:
    for number in range(3):
        do(lambda store, number=number: submit(store, id=f"job{number}"))  # type: ignore[misc]
    said = shell("jobs", "--limit", "2", "-o", "ids")
    assert (said.code, said.out, said.err) == (0, "job0\njob1\n", "showing 2 of 3; --limit N or --all shows more\n")


def test_ctrl_c_is_no_traceback_at_any_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(words: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("emp_cli.main.main", interrupted)
    monkeypatch.setattr("sys.argv", ["emp", "jobs"])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(SystemExit) as ended:
        emp_run()
    assert ended.value.code == 130


@pytest.mark.parametrize("words", [["job", "cancel", "-"], ["job", "wait", "-"], ["submit", "-"]])
def test_who_is_asked_for_stdin_is_told_and_can_leave_with_ctrl_c(shell: Shell, words: list[str]) -> None:
    with terminal() as (_, its), shell.begin(*words, stdin=its) as process:
        assert first_line(process.stderr).endswith(", then Ctrl-D")
        said = interrupt(process)
    assert (said.code, said.out, said.err) == (130, "", "")


def in_a_shell(shell: Shell, line: str) -> Said:
    """`emp` of a line is the command."""
    line = line.replace("emp ", f"{sys.executable} -m emp_cli ")
    environ = {**shell.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", line], capture_output=True, env=environ, check=False)
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("emp jobs -o json >&-", 0, ""),
        ("emp jobs nonsense 2>&-", 2, ""),
        ("emp submit - <&-", 2, "error: -: is empty"),
        ("emp job show - <&-", 0, "stdin holds no ids"),
        ("emp jobs -o json >/dev/full", 1, "error: No space left on device"),
        ("emp --help >/dev/full", 1, "error: No space left on device"),
        ("emp job $'\\xff\\xfe\\xfd\\xfc'", 2, "is not UTF-8 text"),
        ("printf '\\xff\\xfe\\xfd\\xfc' | emp job show -", 6, "error: no job"),
        ("printf '\\xff' | emp submit -", 2, "error: -: is not "),
        ("emp completion bash | head -1", 0, ""),
    ],
)
def test_streams_that_are_closed_full_or_no_text_are_no_bugs(shell: Shell, line: str, code: int, message: str) -> None:
    said = in_a_shell(shell, f"set -o pipefail; {line}")
    assert said.code == code, said.err
    assert message in said.err
    assert not any(word in said.err for word in ("a bug in emp", "Traceback", "Exception ignored"))


def test_the_version_is_printed_fast_and_alone(shell: Shell) -> None:
    said = shell("--version")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("emp ")


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: emp" in capsys.readouterr().out
