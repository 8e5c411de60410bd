"""Arguments as people type them."""

import io

import pytest

from emp_cli.input.arguments import completed, hide_password, hoisted, ids_of


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        (["jobs", "--redis", "redis://x"], ["--redis", "redis://x", "jobs"]),
        (["jobs", "--redis=redis://x", "-n", "3"], ["--redis=redis://x", "jobs", "-n", "3"]),
        (["job", "7f3a", "--debug"], ["--debug", "job", "7f3a"]),
        (["submit", "--", "--redis"], ["submit", "--", "--redis"]),
        (["jobs", "--redis"], ["--redis"]),
    ],
)
def test_root_options_may_stand_anywhere(typed: list[str], parsed: list[str]) -> None:
    assert hoisted(typed) == parsed


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        (["jobs", "--watch"], ["jobs", "--watch", "2"]),
        (["jobs", "-w", "--limit", "3"], ["jobs", "-w", "2", "--limit", "3"]),
        (["jobs", "--watch", "0.5"], ["jobs", "--watch", "0.5"]),
        (["worker", "show", "--watch", "gpu1:0"], ["worker", "show", "--watch", "2", "gpu1:0"]),
        (["jobs", "--json"], ["jobs", "--json", ""]),
        (["jobs", "--json", "id,state"], ["jobs", "--json", "id,state"]),
        (["jobs", "--columns", "-o", "wide"], ["jobs", "--columns", "", "-o", "wide"]),
        (["job", "show", "--", "--json"], ["job", "show", "--", "--json"]),
    ],
)
def test_option_that_stands_alone_is_given_its_value(typed: list[str], parsed: list[str]) -> None:
    assert completed(typed) == parsed


def test_a_dash_stands_for_the_ids_on_stdin_and_each_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("b\nc\n\n a\n"))
    assert ids_of(["a", "-"]) == ["a", "b", "c"]


def test_hidden_password_leaves_the_other_root_options(monkeypatch: pytest.MonkeyPatch) -> None:
    url, started = "redis://:hunter2@h/0", list[list[str]]()
    monkeypatch.setattr("sys.argv", ["emp", "hub", "start", "--redis", url, "--color", "always"])
    monkeypatch.setattr("os.execve", lambda program, words, environ: started.append(words))
    hide_password(url)
    assert started[0][3:] == ["--color", "always", "hub", "start"]


def test_password_of_from_goes_into_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    url, started = "redis://:hunter2@old/0", list[tuple[list[str], dict[str, str]]]()
    monkeypatch.setattr("sys.argv", ["emp", "import", "--from", url, "--take", "--redis", "redis://new"])
    monkeypatch.setattr("os.execve", lambda program, words, environ: started.append((words, environ)))
    hide_password("redis://new", url)
    assert started[0][0][3:] == ["--redis", "redis://new", "import", "--take"]
    assert started[0][1]["EMP_IMPORT_FROM"] == url


def test_password_that_is_in_the_environment_already_needs_no_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["emp", "import", "--take"])
    monkeypatch.setattr("os.execve", lambda *arguments: pytest.fail("started again"))
    hide_password(None, "redis://:hunter2@old/0")
