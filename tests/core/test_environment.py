"""Layers of variables, `.env` files, and how mistakes in them are told."""

from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import AliasChoices, Field, SecretStr

from emp_core.environment import load_settings, read_variables
from emp_core.errors import Misconfigured
from emp_core.settings import JsonObject, Names, NamesOrAll, RedisSettings, between


class Example(RedisSettings):
    """Settings of nobody."""

    env_file: ClassVar[Path | None] = Path(".env.example")

    host: str = "localhost"
    tries: Annotated[int, between(1, 9)] = 3
    disk_gb: float | None = Field(default=None, validation_alias=AliasChoices("DISK_GB", "STORAGE_GB"))
    token: SecretStr | None = None
    loud: bool = False
    colours: Names = ("red",)
    shapes: NamesOrAll = "all"
    custom: JsonObject = Field(default={})


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(**variables: str) -> Example:
    return load_settings(Example, variables)


def refusal(environ: dict[str, str] | None = None, env_file: Path | None = None) -> str:
    with pytest.raises(Misconfigured) as caught:
        load_settings(Example, environ or {}, env_file=env_file)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_the_environment_is_the_process_s_own_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "here")
    assert load_settings(Example).host == "here"
    assert load_settings(Example, {}).host == "localhost"


def test_command_line_wins_over_environment_over_file(directory: Path) -> None:
    (directory / ".env.example").write_text("HOST=file\nTRIES=4\nLOUD=yes\n")
    settings = load_settings(Example, {"HOST": "environment", "TRIES": "5"}, overrides={"HOST": "flag"})
    assert (settings.host, settings.tries, settings.loud) == ("flag", 5, True)


def test_the_environment_wins_over_the_file_under_another_name_too() -> None:
    Path(".env.example").write_text("DISK_GB=1\n")
    assert load(STORAGE_GB="2").disk_gb == 2


def test_of_two_names_in_one_place_the_first_wins() -> None:
    assert load(STORAGE_GB="2", DISK_GB="1").disk_gb == 1


def test_an_empty_value_counts_as_not_set() -> None:
    Path(".env.example").write_text("HOST=file\n")
    assert load(HOST="", TRIES=" ", TOKEN="").host == "file"


@pytest.mark.parametrize(
    ("text", "names"),
    [("a, b,,a ,", ("a", "b")), ('["a,b", "c"]', ("a,b", "c")), ("[]", ()), ("all", ("all",))],
)
def test_a_list_is_split_at_commas_or_is_json(text: str, names: tuple[str, ...]) -> None:
    assert load(COLOURS=text).colours == names


def test_a_list_can_be_all() -> None:
    assert load(SHAPES="all").shapes == "all"
    assert load(SHAPES="round").shapes == ("round",)


def test_json_is_read() -> None:
    assert load(CUSTOM='{"net": {"gbit": 10}}').custom == {"net": {"gbit": 10}}


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("TRIES", "ten", "must be a whole number"),
        ("TRIES", "1.5", "must be a whole number"),
        ("TRIES", "9" * 60, "must be 1 to 9"),
        ("TRIES", "0", "must be 1 to 9"),
        ("DISK_GB", "lots", "must be a number"),
        ("STORAGE_GB", "lots", "must be a number"),
        ("LOUD", "maybe", "must be true or false"),
        ("LOG_FORMAT", "xml", "must be 'console' or 'json'"),
        ("COLOURS", '["a"', "must be a list of names such as a,b"),
        ("COLOURS", "[1]", "must be a list of names such as a,b"),
        ("SHAPES", "[1]", "must be a list of names such as a,b"),
        ("CUSTOM", "{", "must be a JSON object"),
        ("CUSTOM", "[]", "must be a JSON object"),
    ],
)
def test_a_malformed_value_is_one_line(variable: str, text: str, problem: str) -> None:
    assert refusal({variable: text}) == f"{variable}={text}: {problem}"


def test_a_long_or_unprintable_value_is_shown_short_and_harmless() -> None:
    assert refusal({"TRIES": "\x1b[31m" + "x" * 200}) == f"TRIES=�[31m{'x' * 74}…: must be a whole number"


def test_secrets_are_not_shown() -> None:
    assert "hunter2" not in refusal({"TOKEN": "hunter2\udcff"})
    assert "hunter2" not in refusal({"TRIES": "redis://:hunter2@host"})


def test_mistake_in_a_file_names_the_file_and_the_line() -> None:
    Path("mine.env").write_text("TRIES=1\n\nTRIES=ten\n")
    assert refusal(env_file=Path("mine.env")) == "mine.env, line 3: TRIES=ten: must be a whole number"


def test_all_mistakes_are_found() -> None:
    Path(".env.example").write_text("HOTS=a\nTRIES=ten\nLOUD=maybe\n")
    found = read_variables(Example, {"EMP_DATA_DRI": "x", "DISK_GB": "lots"}).mistakes()
    assert [(mistake.place, mistake.name) for mistake in found] == [
        ("", "EMP_DATA_DRI"),
        (".env.example, line 1", "HOTS"),
        (".env.example, line 2", "TRIES"),
        ("", "DISK_GB"),
        (".env.example, line 3", "LOUD"),
    ]


def test_origin_is_the_first_place_that_sets_a_variable() -> None:
    Path(".env.example").write_text("\nHOST=file\nTRIES=4\nSTORAGE_GB=3\n")
    found = read_variables(Example, {"TRIES": "5"}, overrides={"LOUD": "yes"})
    origins = {name: found.origin(name) for name in ("host", "tries", "loud", "disk_gb", "token")}
    assert {name: origin and (origin.variable, origin.source) for name, origin in origins.items()} == {
        "host": ("HOST", ".env.example, line 2"),
        "tries": ("TRIES", "the environment"),
        "loud": ("LOUD", "the command line"),
        "disk_gb": ("STORAGE_GB", ".env.example, line 4"),
        "token": None,
    }


def test_a_file_is_taken_literally() -> None:
    lines = ["\ufeff# a comment", "export HOST='a b' # why", 'TOKEN="${HOST}$"', "COLOURS=a,b\r", ""]
    Path(".env.example").write_text("\n".join(lines), encoding="utf-8")
    settings = load()
    assert settings.host == "a b"
    assert settings.token is not None
    assert settings.token.get_secret_value() == "${HOST}$"
    assert settings.colours == ("a", "b")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n\nHOTS=a\n", "line 3: HOTS is not a setting; did you mean HOST?"),
        ("HOST=a\nxyzzyplugh=1\n", "line 2: xyzzyplugh is not a setting"),
        ("HOST=a\nTRIES\n", "line 2: is not NAME=value"),
        ("TOKEN='unclosed\n", "line 1: is not NAME=value"),
    ],
)
def test_what_nobody_would_read_in_a_file_is_an_error(text: str, problem: str) -> None:
    Path(".env.example").write_text(text)
    assert refusal() == f".env.example, {problem}"


def test_a_file_that_was_asked_for_must_be_readable(directory: Path) -> None:
    assert refusal(env_file=Path("none.env")) == "none.env: No such file or directory"
    assert refusal(env_file=directory).endswith(": Is a directory")
    Path("binary.env").write_bytes(b"HOST=\xff\n")
    assert refusal(env_file=Path("binary.env")) == "binary.env: is not UTF-8 text"


def test_an_unknown_variable_of_ours_is_an_error() -> None:
    assert refusal({"EMP_KEYPREFIX": "x"}) == "EMP_KEYPREFIX is not a setting; did you mean EMP_KEY_PREFIX?"
    assert refusal({"EMP_HUB_PORT": "3001"}).startswith("EMP_HUB_PORT is not a setting")


def test_variables_of_others_are_not_our_business() -> None:
    assert load(HOTS="a", PATH="/bin", TEMP_DIR="x").host == "localhost"


def test_what_kubernetes_says_of_services_is_ignored_with_a_note() -> None:
    settings = load_settings(
        RedisSettings,
        {
            "REDIS_PORT": "tcp://10.0.0.7:6379",
            "REDIS_PORT_6379_TCP_ADDR": "10.0.0.7",
            "EMP_HUB_SERVICE_HOST": "10.0.0.8",
            "EMP_HUB_SERVICE_PORT_HTTP": "3001",
            "EMP_HUB_PORT": "tcp://10.0.0.8:3001",
            "EMP_HUB_PORT_3001_TCP": "tcp://10.0.0.8:3001",
            "EMP_HUB_PORT_3001_TCP_ADDR": "10.0.0.8",
        },
    )
    assert settings.url is None
    assert settings.notes == ("REDIS_PORT not used: tcp://10.0.0.7:6379 is a Kubernetes service link",)
