"""Where the command finds the queue: told, the environment, the files of this directory, this machine."""

from pathlib import Path

import pytest

from emp_cli.surroundings import FILES
from emp_core.settings import Settings
from tests.cli.conftest import Command
from tests.generated import PROGRAMS
from tests.support.redis_server import Server

NOBODY = "redis://127.0.0.1:1/0"


@pytest.mark.parametrize("settings", PROGRAMS)
def test_each_file_is_that_of_the_program_named_beside_it(settings: type[Settings]) -> None:
    assert FILES[str(settings.env_file)] == f"{settings.__module__}:{settings.__name__}"
    assert len(FILES) == len(PROGRAMS)


@pytest.fixture
def directory(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no variable names the queue."""
    monkeypatch.delenv("REDIS_URL")
    return surroundings


def source(emp: Command) -> str:
    """Who named the queue, as the command says it."""
    (line,) = [line for line in emp("hub", "status").lines if line.startswith("queue ")]
    return line.partition(", ")[2]


@pytest.mark.parametrize(
    ("file", "text"),
    [(".env.hub", "REDIS_URL={}\nHUB_PORT=3009\n"), (".env.worker", "HUB_REDIS_URL={}\nGPU_COUNT=1\n")],
)
def test_a_queue_that_only_a_file_names_is_found(
    emp: Command, directory: Path, server: Server, file: str, text: str
) -> None:
    (directory / file).write_text(text.format(server.url))
    submitted = emp("submit", "--service", "x")
    assert submitted.code == 0
    assert emp("jobs", "-o", "ids").out == submitted.out
    assert source(emp) == file


def test_the_command_line_and_the_environment_win_over_the_files(
    emp: Command, directory: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / ".env.hub").write_text(f"REDIS_URL={NOBODY}\n")
    assert emp("jobs", "--redis", server.url).code == 0
    assert emp("jobs").code == 5
    monkeypatch.setenv("REDIS_URL", server.url)
    assert source(emp) == "the environment"


@pytest.mark.damages  # keys of another prefix are nobody's in the eyes of the check
def test_all_that_says_which_queue_it_is_comes_from_the_file(emp: Command, directory: Path, server: Server) -> None:
    job_id = emp("submit", "--service", "x", "--redis", server.url).out
    (directory / ".env.hub").write_text(f"REDIS_URL={server.url}\nEMP_KEY_PREFIX={{other}}:\nEMP_DATA_DIR=elsewhere\n")
    assert emp("jobs", "-o", "ids").out == ""
    (directory / ".env.hub").write_text(f"REDIS_URL={server.url}\n")
    assert emp("jobs", "-o", "ids").out == job_id


@pytest.mark.parametrize(
    ("hub", "worker", "message"),
    [
        (
            "REDIS_URL=redis://:s3cret@a/0",
            "HUB_REDIS_URL=redis://:t0ken@b/0",
            "on REDIS_URL: redis://***@a/0 or redis://***@b/0",
        ),
        ("REDIS_URL=redis://a:6379/0", "REDIS_HOST=b", "on REDIS_URL: redis://a:6379/0 or redis://b:6379/0"),
        ("EMP_KEY_PREFIX={a}:", "EMP_KEY_PREFIX={b}:", "on EMP_KEY_PREFIX: {a}: or {b}:"),
        ("WS_AUTH_TOKEN=s3cret", "HUB_AUTH_TOKEN=t0ken", "on HUB_AUTH_TOKEN"),
    ],
)
def test_files_that_disagree_are_an_error_and_not_a_guess(
    emp: Command, directory: Path, hub: str, worker: str, message: str
) -> None:
    (directory / ".env.hub").write_text(hub)
    (directory / ".env.worker").write_text(worker)
    said = emp("jobs")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: .env.hub and .env.worker disagree {message}\nhint: ")
    assert not any(secret in said.err for secret in ("s3cret", "t0ken"))


def test_files_that_disagree_on_the_queue_do_not_matter_to_who_names_it(
    emp: Command, directory: Path, server: Server
) -> None:
    (directory / ".env.hub").write_text(f"REDIS_URL={NOBODY}")
    (directory / ".env.worker").write_text("REDIS_HOST=elsewhere\nLOG_LEVEL=debug")
    assert emp("jobs", "--redis", server.url).code == 0


def test_files_that_say_the_same_in_other_words_agree(emp: Command, directory: Path) -> None:
    (directory / ".env.hub").write_text("REDIS_URL=redis://127.0.0.1:1/0\nLOG_LEVEL=info")
    (directory / ".env.worker").write_text("REDIS_HOST=127.0.0.1\nREDIS_PORT=1\nLOG_LEVEL=debug")
    assert emp("jobs").code == 5


def test_a_mistake_in_a_file_names_the_file(emp: Command, directory: Path) -> None:
    (directory / ".env.hub").write_text("REDIS_ULR=x\n")
    said = emp("jobs")
    assert (said.code, said.err) == (
        2,
        "error: .env.hub, line 1: REDIS_ULR is not a setting; did you mean REDIS_URL?\n",
    )


def test_where_nobody_answers_it_says_who_named_it(emp: Command, directory: Path) -> None:
    (directory / ".env.hub").write_text(f"REDIS_URL={NOBODY}\n")
    said = emp("jobs")
    assert said.code == 5
    assert "hint: .env.hub names it" in said.err
    assert "hint: --redis names it" in emp("jobs", "--redis", NOBODY).err
