"""The client's settings: read without pydantic as the model of them would read them."""

from pathlib import Path

import pytest

from emp_core.client.client_model import ClientModel
from emp_core.client.client_settings import ClientSettings, read_client_settings, variables_of
from emp_core.environment import load_settings, names_of
from emp_core.errors import Misconfigured

RIGHT = {
    "REDIS_URL": "redis+sentinel://a,b:2/main",
    "HUB_REDIS_URL": "unix:///tmp/x.sock",
    "REDIS_HOST": " ::1 ",
    "REDIS_PORT": "6380.0",
    "REDIS_DB": "3",
    "REDIS_PASSWORD": "s3cret/",
    "REDIS_MAX_CONNECTIONS": "4",
    "EMP_KEY_PREFIX": "{other}:",
    "EMP_DATA_DIR": "~/emp",
    "ARTIFACTS_URL": "s3://bucket",
    "HUB_WS_URL": "wss://hub",
    "HUB_AUTH_TOKEN": "token",
    "WS_AUTH_TOKEN": "other",
    "LOG_LEVEL": "debug",
    "LOG_FORMAT": "json",
    "EMP_TEST_SETTINGS": "Yes",
    "LEASE_SECONDS": "1",
}

WRONG = [
    {"LOG_LEVEL": "loud"},
    {"LOG_FORMAT": "xml"},
    {"EMP_TEST_SETTINGS": "perhaps"},
    {"LEASE_SECONDS": "9"},
    {"LEASE_SECONDS": "0", "EMP_TEST_SETTINGS": "1"},
    {"LEASE_SECONDS": "long"},
    {"REDIS_URL": "redis://:s3cret@host:0"},
    {"HUB_REDIS_URL": "http://host"},
    {"REDIS_URL": "redis://host/zero"},
    {"REDIS_HOST": "a/b"},
    {"REDIS_PORT": "70000"},
    {"REDIS_PORT": "high"},
    {"REDIS_DB": "-1"},
    {"REDIS_MAX_CONNECTIONS": "2.5"},
    {"EMP_KEY_PREFIX": "emp:"},
    {"EMP_DATA_DIR": "~nobody-has-this-name/x"},
    {"ARTIFACTS_URL": "ftp://x"},
    {"HUB_WS_URL": "http://x\x1b[31m"},
    {"EMP_REDIS": "x"},
]


def by_the_model(environ: dict[str, str]) -> ClientSettings:
    return load_settings(ClientModel, environ).plain()


@pytest.mark.parametrize("name", RIGHT)
def test_each_variable_is_read_as_by_the_model(name: str) -> None:
    environ = {name: RIGHT[name]} | ({"EMP_TEST_SETTINGS": "1"} if name == "LEASE_SECONDS" else {})
    found = read_client_settings(environ)
    assert (found, found.url) == (by_the_model(environ), by_the_model(environ).url)


def test_all_together_and_none_are_read_as_by_the_model() -> None:
    assert read_client_settings(RIGHT) == by_the_model(RIGHT)
    assert read_client_settings({}) == by_the_model({})
    parts = {name: text for name, text in RIGHT.items() if not name.endswith("_URL")}
    assert read_client_settings(parts).url == by_the_model(parts).url


@pytest.mark.parametrize("environ", WRONG, ids=lambda environ: next(iter(environ)))
def test_mistake_is_told_in_the_words_of_the_model(environ: dict[str, str]) -> None:
    with pytest.raises(Misconfigured) as of_model:
        load_settings(ClientModel, environ)
    with pytest.raises(Misconfigured) as plain:
        read_client_settings(environ)
    assert plain.value.message == of_model.value.message


def test_variables_and_fields_are_those_of_the_model() -> None:
    assert variables_of(ClientModel.model_fields) == names_of(ClientModel)
    assert set(RIGHT) == set(names_of(ClientModel))


def test_the_command_line_wins_under_another_name_too() -> None:
    given = {"REDIS_URL": "redis://given/0"}
    assert read_client_settings({"HUB_REDIS_URL": "redis://around/0"}, overrides=given).url == "redis://given/0"


def test_kubernetes_links_and_empty_values_do_not_count() -> None:
    assert read_client_settings({"REDIS_PORT": "tcp://10.0.0.1:6379", "REDIS_HOST": " "}).url is None


def test_secrets_are_not_shown_by_a_repr() -> None:
    shown = repr(read_client_settings(RIGHT))
    assert "s3cret" not in shown
    assert "token" not in shown.replace("hub_auth_token", "")


def test_data_directory_is_the_user_s_unless_named() -> None:
    assert read_client_settings({}).data_dir.is_absolute()
    assert read_client_settings({"EMP_DATA_DIR": "~/emp"}).data_dir == Path("~/emp").expanduser()
