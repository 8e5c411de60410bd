"""Exit codes are an API, and errors are a line and a hint."""

import pytest

from emp_cli.exits import CODES, ExitCode, cause_of, code_of
from emp_cli.main import main
from emp_core import errors
from emp_core.errors import AccessDenied, Ambiguous, EmpError, LimitExceeded, QueueUnavailable
from tests.cli.conftest import Command, Do, Shell
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
        (["start"], 2, "Did you mean 'worker start' or 'hub start'?"),
        (["jobs", "--limit", "0"], 2, "must be greater than or equal to 1"),
        (["jobs", "--status", "done"], 2, "'done' is not one of"),
        (["jobs", "--nope"], 2, "No such option"),
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
    assert (said.code, said.out, said.err) == (0, "job0\njob1\n", "showing 2, more with --limit\n")


def test_the_version_is_printed_fast_and_alone(shell: Shell) -> None:
    said = shell("--version")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("emp ")


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Usage: emp" in capsys.readouterr().out
