"""emp config: every setting with its origin, every mistake with its line, and the JSON Schema."""

import json
from pathlib import Path

import pytest

from daemons.worker.catalog import models_of
from emp_cli.local.programs import PROGRAMS, models
from emp_core.client.client_model import CommandSettings
from emp_core.env_file import description_of
from emp_core.environment import is_secret, names_of
from emp_core.settings import SettingsModel
from emp_core.variables import IMPORT_FROM, OF_THE_COMMAND
from tests.cli.conftest import Command
from tests.generated import PROGRAMS as DAEMONS

SECRETS = ("hunter2", "t0ken", "Bearer")
HUB = "REDIS_URL=redis://ann:hunter2@h/0\n\nHUB_PORT=3009\nWS_AUTH_TOKEN=t0ken\n"
WORKER = 'SERVICES=comfyui\nREDIS_URL=redis://ann:hunter2@h/0\nCOMFYUI_HEADERS={"Authorization": "Bearer t0ken"}\n'


@pytest.fixture
def directory(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no variable names the queue."""
    monkeypatch.delenv("REDIS_URL")
    return surroundings


def origins(emp: Command, *words: str) -> dict[tuple[str, str], str]:
    """Program and variable -> where its value stands."""
    rows = json.loads(emp("config", "show", "-o", "json", *words).out)
    return {(row["program"], row["name"]): row["origin"] for row in rows}


def test_each_value_is_shown_with_its_file_and_line(
    emp: Command, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / ".env.hub").write_text(HUB)
    (directory / ".env.worker").write_text(WORKER)
    monkeypatch.setenv("HUB_HOST", "127.0.0.2")
    found = origins(emp)
    assert found["hub", "REDIS_URL"] == ".env.hub, line 1"
    assert found["hub", "HUB_PORT"] == ".env.hub, line 3"
    assert found["hub", "HUB_HOST"] == "the environment"
    assert found["hub", "MAX_PENDING_JOBS"] == "default"
    assert found["worker", "SERVICES"] == ".env.worker, line 1"
    assert found["comfyui", "COMFYUI_HEADERS"] == ".env.worker, line 3"
    assert found["command", "REDIS_URL"] in (".env.hub, line 1", ".env.worker, line 2")
    assert origins(emp, "--redis", "redis://other/0")["command", "REDIS_URL"] == "the command line"


def test_context_is_an_origin(emp: Command, directory: Path) -> None:
    emp("context", "add", "prod", "--redis", "redis://ann:hunter2@h/0", "--use")
    found = origins(emp)
    assert {found[program, "REDIS_URL"] for program in ("command", "hub")} == {"context prod"}
    (directory / ".env.hub").write_text(HUB)
    assert origins(emp)["hub", "REDIS_URL"] == ".env.hub, line 1"
    assert origins(emp, "--context", "prod")["hub", "REDIS_URL"] == "context prod"


def test_secrets_are_never_shown(emp: Command, directory: Path) -> None:
    (directory / ".env.hub").write_text(HUB)
    (directory / ".env.worker").write_text(WORKER)
    for form in ("table", "json", "jsonl", "csv"):
        said = emp("config", "show", "--origin", "-o", form)
        assert said.code == 0, said.err
        assert "redis://***@h/0" in said.out
        assert [secret for secret in SECRETS if secret in said.out] == []


def test_origin_is_a_column_if_it_is_asked_for(emp: Command, directory: Path) -> None:
    assert emp("config", "show", "hub").lines[0].split() == ["PROGRAM", "NAME", "VALUE"]
    assert emp("config", "show", "hub", "--origin").lines[0].split() == ["PROGRAM", "NAME", "VALUE", "ORIGIN"]
    assert {line.split()[0] for line in emp("config", "show", "hub").lines[1:]} == {"hub"}
    assert "must be one of" in emp("config", "show", "hbu").err


def test_settings_without_a_mistake_exit_0(emp: Command, directory: Path) -> None:
    (directory / ".env.hub").write_text(HUB)
    said = emp("config", "check")
    assert (said.code, said.out, said.err) == (0, "", "the settings have no mistakes\n")


def test_all_mistakes_are_told_with_file_line_and_name_and_exit_2(
    emp: Command, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (directory / ".env.hub").write_text("HUB_PROT=3009\n\nMAX_PENDING_JOBS=many\n")
    (directory / ".env.worker").write_text("SERVICES=comfyui\nCOMFYUI_PORT=high\n")
    monkeypatch.setenv("EMP_DATA_DRI", "x")
    said = emp("config", "check")
    assert said.code == 2
    assert sorted(line.removeprefix("error: ") for line in said.err.splitlines()) == [
        ".env.hub, line 1: HUB_PROT is not a setting; did you mean HUB_PORT?",
        ".env.hub, line 3: MAX_PENDING_JOBS=many: must be a whole number",
        ".env.worker, line 2: COMFYUI_PORT=high: must be a whole number",
        "EMP_DATA_DRI is not a setting; did you mean EMP_DATA_DIR?",
    ]
    rows = json.loads(emp("config", "check", "-o", "json").out)
    assert {(row["place"], row["name"]) for row in rows} == {
        (".env.hub, line 1", "HUB_PROT"),
        (".env.hub, line 3", "MAX_PENDING_JOBS"),
        (".env.worker, line 2", "COMFYUI_PORT"),
        ("", "EMP_DATA_DRI"),
    }


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (".env.hub", "HUB_PORT\n", ".env.hub, line 1: is not NAME=value"),
        (".env.worker", "SERVICES=comfyiu\n", "SERVICES: there is no connector comfyiu; did you mean comfyui?"),
        (".env.hub", "WS_AUTH_TOKEN=\N{SNOWMAN}hunter2\n", ".env.hub, line 1: WS_AUTH_TOKEN=***: must be printable"),
        (".env.hub", "HUB_HOST=0.0.0.0\n", "HUB_HOST=0.0.0.0 is reachable from other machines: set WS_AUTH_TOKEN too"),
        ("config/emp/contexts.json", "{", "contexts.json is not a file of contexts"),
    ],
)
def test_mistake_of_each_kind_is_told(emp: Command, directory: Path, file: str, text: str, message: str) -> None:
    (directory / file).parent.mkdir(parents=True, exist_ok=True)
    (directory / file).write_text(text)
    said = emp("config", "check")
    assert said.code == 2
    assert message in said.err
    assert "hunter2" not in said.err


def test_files_that_disagree_are_a_mistake(emp: Command, directory: Path) -> None:
    (directory / ".env.hub").write_text("REDIS_URL=redis://one/0\n")
    (directory / ".env.worker").write_text("REDIS_URL=redis://two/0\n")
    assert ".env.hub and .env.worker disagree on REDIS_URL" in emp("config", "check").err


def test_show_of_settings_with_a_mistake_points_to_check(emp: Command, directory: Path) -> None:
    (directory / ".env.hub").write_text("HUB_PORT=high\n")
    said = emp("config", "show")
    assert (said.code, "hint: emp config check shows all mistakes" in said.err) == (2, True)


def test_schema_has_every_variable_of_every_program(emp: Command) -> None:
    schema = json.loads(emp("config", "schema").out)
    assert set(schema["properties"]) == set(models())
    for program, cls in models().items():
        described = schema["properties"][program]["properties"]
        assert len(described) == len(cls.model_fields)
        assert set(described) <= set(names_of(cls))
        assert all(each["description"] for each in described.values())
    hub = schema["properties"]["hub"]["properties"]
    assert (hub["HUB_PORT"]["type"], hub["HUB_PORT"]["default"]) == ("integer", 3001)
    assert hub["WS_AUTH_TOKEN"]["writeOnly"]


def test_command_knows_the_variables_that_are_only_its_own() -> None:
    own = set(names_of(CommandSettings)) - set(names_of(*DAEMONS))
    # The last one is no setting: `emp import` restarts with it, so that nobody sees the password of --from.
    assert set(OF_THE_COMMAND) == own | {IMPORT_FROM}
    assert {cls for name, cls in PROGRAMS.items() if name != "command"} == set(DAEMONS)
    assert set(models().values()) == {*PROGRAMS.values(), *models_of(())}


@pytest.mark.parametrize("name", ["context", "read_only"])
def test_settings_of_the_command_have_a_sentence(name: str) -> None:
    assert description_of(CommandSettings, name).endswith(".")


def test_fields_that_hold_a_password_are_secret() -> None:
    def is_hidden(cls: type[SettingsModel], name: str) -> bool:
        return is_secret(cls.model_fields[name])

    names = [(cls, name) for cls in models().values() for name in cls.model_fields]
    assert [name for cls, name in names if ("token" in name or "password" in name) and not is_hidden(cls, name)] == [
        "hub_allow_query_token"
    ]
