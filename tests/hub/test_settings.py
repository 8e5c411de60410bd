"""The hub's settings: document 002's variables, and who may call."""

from pathlib import Path

import pytest

from daemons.hub.settings import HubSettings
from emp_core.environment import load_settings
from emp_core.errors import Misconfigured


def test_the_variables_of_the_documents_are_read() -> None:
    settings = load_settings(
        HubSettings,
        {
            "REDIS_URL": "redis://localhost:6379",
            "HUB_PORT": "3001",
            "HUB_HOST": "0.0.0.0",
            "WS_PORT": "3002",
            "WS_AUTH_TOKEN": "your-secret-token",
            "MAX_JOB_TIMEOUT_MINUTES": "45",
            "DEFAULT_JOB_PRIORITY": "60",
            "LOG_LEVEL": "info",
        },
    )
    assert settings.url == "redis://localhost:6379"
    assert (settings.hub_port, settings.ws_port) == (3001, 3002)
    assert settings.ws_auth_token is not None
    assert settings.ws_auth_token.get_secret_value() == "your-secret-token"
    assert (settings.max_job_timeout_minutes, settings.default_job_priority) == (45, 60)


def test_the_defaults_are_the_contract_s() -> None:
    settings = HubSettings()
    assert (settings.hub_host, settings.hub_port, settings.ws_port) == ("127.0.0.1", 3001, None)
    assert (settings.max_job_timeout_minutes, settings.default_job_priority) == (30, 50)
    assert (settings.completed_job_ttl_hours, settings.failed_job_ttl_days) == (24, 7)
    assert (settings.max_pending_jobs, settings.max_finished_jobs) == (1_000_000, 100_000)


@pytest.mark.parametrize("variable", ["HUB_HOST", "WS_HOST"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "hub.example.com"])
def test_an_address_that_others_reach_needs_a_token(variable: str, host: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_settings(HubSettings, {variable: host})
    assert caught.value.message == f"{variable}={host} is reachable from other machines: set WS_AUTH_TOKEN too"
    for token in ("WS_AUTH_TOKEN", "HUB_AUTH_TOKEN"):
        load_settings(HubSettings, {variable: host, token: "secret"})


@pytest.mark.parametrize("token", ["gehe\u00edm", "two\nlines", "\N{SNOWMAN}"])
@pytest.mark.parametrize("variable", ["WS_AUTH_TOKEN", "HUB_AUTH_TOKEN"])
def test_a_token_that_no_header_can_carry_is_refused(variable: str, token: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_settings(HubSettings, {variable: token})
    assert caught.value.message == f"{variable}=***: must be printable ASCII, because it is sent in a header"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_may_call_without_a_token(host: str) -> None:
    assert load_settings(HubSettings, {"HUB_HOST": host}).ws_auth_token is None


def test_its_file_is_env_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env.hub").write_text("HUB_PORT=4001\n")
    assert load_settings(HubSettings, {}).hub_port == 4001


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("HUB_PORT", "65536", "must be 0 to 65535"),
        ("HUB_HOST", "http://hub", "must be a host name or an address, without scheme and port"),
        ("DEFAULT_JOB_PRIORITY", "101", "must be 0 to 100"),
        ("MAX_JOB_TIMEOUT_MINUTES", "nan", "must be 0.01 to 10080"),
        ("MAX_PENDING_JOBS", "0", "must be 1 to 100000000"),
    ],
)
def test_a_value_that_cannot_work_is_refused(variable: str, text: str, problem: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load_settings(HubSettings, {variable: text})
    assert caught.value.message == f"{variable}={text}: {problem}"
