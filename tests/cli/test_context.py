"""Contexts: names for queues, in a file that only its owner can read."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Shell
from tests.support.redis_server import Server

NOBODY = "redis://ann:hunter2@127.0.0.1:1/0"
AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def directory(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no variable names the queue."""
    monkeypatch.delenv("REDIS_URL")
    return surroundings


@pytest.fixture
def file(directory: Path) -> Path:
    return directory / "config" / "emp" / "contexts.json"


def source(emp: Command, *words: str) -> str:
    """Who named the queue, as the summary says it."""
    return str(json.loads(emp("summary", "-o", "json", *words).out)["queue"]["source"])


def test_context_that_is_used_names_the_queue_and_the_summary_shows_it(
    emp: Command, directory: Path, server: Server
) -> None:
    assert emp("context", "add", "prod", "--redis", server.url).code == 0
    assert emp("context", "use", "prod").code == 0
    said = emp("summary")
    assert said.lines[0].split() == ["context", "prod"]
    assert source(emp) == "context prod"
    assert emp("context", "use", "--none").code == 0
    assert emp("--context", "prod", "summary").lines[0].split() == ["context", "prod"]
    assert emp("summary", "--context", "prod").code == 0


def test_without_a_context_the_summary_names_none(emp: Command) -> None:
    assert "context" not in emp("summary").out


def test_order_is_option_environment_file_and_context(
    emp: Command, directory: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    emp("context", "add", "prod", "--redis", server.url, "--use")
    emp("context", "add", "test", "--redis", server.url)
    assert source(emp) == "context prod"
    (directory / ".env.hub").write_text(f"REDIS_URL={server.url}\n")
    assert source(emp) == ".env.hub"
    monkeypatch.setenv("EMP_CONTEXT", "test")
    assert source(emp) == "context test"
    monkeypatch.setenv("REDIS_URL", server.url)
    assert source(emp) == "the environment"
    assert source(emp, "--context", "prod") == "context prod"
    assert source(emp, "--redis", server.url) == "--redis"


def test_context_is_used_whole(emp: Command, directory: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    emp("context", "add", "prod", "--redis", server.url)
    for name, text in (("REDIS_URL", AWAY), ("EMP_KEY_PREFIX", "{other}:"), ("ARTIFACTS_URL", "s3://other/emp")):
        monkeypatch.setenv(name, text)
    (directory / ".env.hub").write_text("ARTIFACTS_URL=s3://another/emp\n")
    queue = json.loads(emp("summary", "--context", "prod", "-o", "json").out)["queue"]
    assert queue["files"].startswith("file://")
    assert {key.partition(b":")[0] for key in server.client.keys("*")} == {b"{emp}"}


@pytest.mark.damages  # keys of another prefix are nobody's in the eyes of the check
def test_all_that_a_context_says_is_used(emp: Command, directory: Path, server: Server, file: Path) -> None:
    (directory / "token").write_text("a-token\n")
    more = ["--hub", "https://hub-host", "--token-file", "token", "--key-prefix", "{x}:", "--artifacts", "s3://b/emp"]
    assert emp("context", "add", "prod", "--redis", server.url, *more).code == 0
    (stored,) = json.loads(file.read_text())["contexts"].values()
    assert (stored["hub"], stored["token"]) == ("wss://hub-host", "a-token")
    queue = json.loads(emp("summary", "--context", "prod", "-o", "json").out)["queue"]
    assert queue["files"] == "s3://b/emp"
    assert {key.partition(b":")[0] for key in server.client.keys("*")} == {b"{x}"}


def test_file_is_for_its_owner_and_no_other_is_left(emp: Command, file: Path) -> None:
    before = os.umask(0)
    try:
        emp("context", "add", "prod", "--redis", NOBODY)
        emp("context", "add", "test", "--redis", AWAY, "--use")
    finally:
        os.umask(before)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [path.name for path in file.parent.iterdir()] == ["contexts.json"]


def test_passwords_and_tokens_are_never_printed(emp: Command, directory: Path) -> None:
    (directory / "token").write_text("a-secret-token")
    said = [emp("context", "add", "prod", "--redis", NOBODY, "--token-file", "token", "--use")]
    for form in ("table", "json", "jsonl", "csv", "ids"):
        said += [emp("context", "list", "-o", form), emp("context", "show", "prod", "-o", form)]
    said += [emp("context", "show"), emp("summary"), emp("doctor"), emp("hub", "status")]
    text = "".join(each.out + each.err for each in said)
    assert "redis://***@127.0.0.1:1/0" in text
    assert "hunter2" not in text
    assert "a-secret-token" not in text


def test_url_can_come_from_stdin(emp: Command, directory: Path, server: Server) -> None:
    assert emp("context", "add", "prod", "--redis", "-", "--use", stdin=f"{server.url}\n").code == 0
    assert emp("summary").code == 0


def test_list_marks_the_current_one(emp: Command, directory: Path) -> None:
    assert "there are no contexts" in emp("context", "list").err
    emp("context", "add", "b", "--redis", AWAY, "--use")
    emp("context", "add", "a", "--redis", AWAY)
    assert emp("context", "list", "-o", "ids").lines == ["a", "b"]
    assert [line.split()[:2] for line in emp("context", "list").lines[1:]] == [["a", AWAY], ["*", "b"]]
    assert [row["current"] for row in json.loads(emp("context", "list", "-o", "json").out)] == [False, True]


def test_context_that_is_removed_is_current_no_longer(emp: Command, directory: Path) -> None:
    emp("context", "add", "prod", "--redis", AWAY, "--use")
    assert emp("context", "remove", "prod").code == 0
    assert emp("context", "show").code == 6
    assert emp("--context", "prod", "summary").code == 6


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["use", "prid"], 6, "no context prid"),
        (["use"], 2, "give a context's name, or --none"),
        (["use", "prod", "--none"], 2, "give a context's name, or --none"),
        (["add", "prod", "--redis", AWAY], 7, "there is a context prod already"),
        (["add", "../x", "--redis", AWAY], 2, "name: must be 1 to 64"),
        (["add", "x", "--redis", "http://host"], 2, "REDIS_URL=http://host: must be a URL that begins with redis://"),
        (["add", "x"], 2, "Give its Redis with --redis URL"),
        (["add", "x", "--redis", AWAY, "--hub", "ftp://x"], 2, "hub: must be a URL"),
        (["remove", "nobody"], 6, "no context nobody"),
    ],
)
def test_mistake_is_told_with_its_exit_code(
    emp: Command, directory: Path, words: list[str], code: int, message: str
) -> None:
    emp("context", "add", "prod", "--redis", AWAY)
    said = emp("context", *words)
    assert said.code == code
    assert message in said.err


def test_misspelt_context_gets_a_suggestion(emp: Command, directory: Path) -> None:
    emp("context", "add", "production", "--redis", AWAY)
    assert "did you mean production" in emp("jobs", "--context", "prodution").err


def test_redis_and_context_exclude_each_other(emp: Command, directory: Path) -> None:
    emp("context", "add", "prod", "--redis", AWAY)
    said = emp("summary", "--redis", AWAY, "--context", "prod")
    assert (said.code, "works in place of --redis" in said.err) == (2, True)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"contexts": {"a": {}}}', '{"contexts": {"a": {"redis": 1}}}', '{"contexts": {}, "current": "a"}'],
)
def test_file_that_cannot_be_read_is_named(emp: Command, file: Path, text: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(text)
    said = emp("summary")
    assert said.code == 2
    assert f"error: {file} is not a file of contexts" in said.err


def test_queue_that_a_variable_names_needs_no_file_of_contexts(emp: Command, surroundings: Path) -> None:
    path = surroundings / "config" / "emp" / "contexts.json"
    path.parent.mkdir(parents=True)
    path.write_text("damaged")
    assert emp("summary").code == 0


@pytest.mark.timeout(180)
def test_worker_and_hub_that_start_with_a_context_use_its_queue(
    emp: Command, shell: Shell, directory: Path, server: Server
) -> None:
    del shell.environ["REDIS_URL"]
    emp("context", "add", "prod", "--redis", server.url)
    started = shell("hub", "start", "--detach", "--port", "0", "--context", "prod")
    try:
        assert started.code == 0, started.err
        assert server.client.exists("{emp}:schema")
        assert "embedded" not in started.err
    finally:
        shell("hub", "stop")


def test_shell_offers_the_names(emp: Command, shell: Shell, directory: Path) -> None:
    emp("context", "add", "prod", "--redis", AWAY)
    shell.environ |= {"COMP_WORDS": "emp context use p", "COMP_CWORD": "3", "_EMP_COMPLETE": "complete_bash"}
    assert shell().out.split() == ["prod"]
