"""The shared settings, and the values that a variable can have."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from emp_core.environment import load_settings
from emp_core.errors import Misconfigured
from emp_core.settings import FileSettings, RedisSettings, Settings
from emp_core.urls import is_on_this_machine, masked


def refusal(**variables: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        load_settings(RedisSettings, variables)
    return caught.value.message


def test_without_variables_no_redis_is_named() -> None:
    settings = load_settings(RedisSettings, {})
    assert settings.url is None
    assert settings.key_prefix == "{emp}:"
    assert settings.lease_seconds == 30


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"REDIS_URL": "rediss://user:pw@host:6380/2"}, "rediss://user:pw@host:6380/2"),
        ({"REDIS_URL": "unix:///run/redis.sock?db=1"}, "unix:///run/redis.sock?db=1"),
        ({"REDIS_URL": "redis+sentinel://a:26379,b:26379/main/0"}, "redis+sentinel://a:26379,b:26379/main/0"),
        ({"REDIS_URL": "redis+cluster://[::1]:7000"}, "redis+cluster://[::1]:7000"),
        ({"REDIS_HOST": "box"}, "redis://box:6379/0"),
        ({"REDIS_PORT": "6380"}, "redis://localhost:6380/0"),
        ({"REDIS_HOST": "::1", "REDIS_DB": "3"}, "redis://[::1]:6379/3"),
        ({"REDIS_HOST": "box", "REDIS_PASSWORD": "p/w@1:"}, "redis://:p%2Fw%401%3A@box:6379/0"),
    ],
)
def test_redis_is_named_by_a_url_or_by_its_parts(variables: dict[str, str], url: str) -> None:
    assert load_settings(RedisSettings, variables).url == url


def test_a_url_wins_over_parts_and_says_so() -> None:
    settings = load_settings(RedisSettings, {"REDIS_URL": "redis://a", "REDIS_HOST": "b", "REDIS_DB": "1"})
    assert settings.url == "redis://a"
    assert settings.notes == ("REDIS_HOST, REDIS_DB not used, because the URL of Redis is set",)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://host", "must be a URL that begins with redis://"),
        ("host:6379", "must be a URL that begins with redis://"),
        ("redis://", "must be a URL that begins with redis://"),
        ("unix://", "must be a URL that begins with redis://"),
        ("redis://host:port", "Port could not be cast"),
        ("redis://host:99999", "Port out of range"),
        ("redis://:6379", "must name a host"),
        ("redis+sentinel://a:1,,b:2/main", "must name a host"),
        ("redis://host/main", "must end in the number of a database"),
    ],
)
def test_a_malformed_url_is_refused(url: str, problem: str) -> None:
    assert refusal(REDIS_URL=url).startswith(f"REDIS_URL={url}: {problem}")


@pytest.mark.parametrize("prefix", ["emp:", "{}:", "{a}{b}:", "{emp:", "{e*p}:", "{e p}:"])
def test_a_key_prefix_without_one_plain_hash_tag_is_refused(prefix: str) -> None:
    assert "must contain a hash tag in braces" in refusal(EMP_KEY_PREFIX=prefix)


@pytest.mark.parametrize("prefix", ["{emp}:", "{queue-2}:", "staging:{emp}:", "{emp}"])
def test_a_key_prefix_with_a_hash_tag_is_taken(prefix: str) -> None:
    assert load_settings(RedisSettings, {"EMP_KEY_PREFIX": prefix}).key_prefix == prefix


@pytest.mark.parametrize("seconds", ["9", "301", "0"])
def test_a_lease_is_10_to_300_seconds(seconds: str) -> None:
    assert refusal(LEASE_SECONDS=seconds) == f"LEASE_SECONDS={seconds}: must be 10 to 300"


def test_tests_may_set_leases_of_a_second() -> None:
    environ = {"LEASE_SECONDS": "1", "EMP_TEST_SETTINGS": "true"}
    assert load_settings(Settings, environ).lease_seconds == 1
    assert refusal(**{**environ, "LEASE_SECONDS": "0"}) == "LEASE_SECONDS=0: must be 1 to 300"


def test_the_log_level_is_read_in_any_case() -> None:
    assert load_settings(Settings, {"LOG_LEVEL": "debug"}).log_level == "DEBUG"


def test_the_data_directory_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(Settings, {"EMP_DATA_DIR": "~/emp"}).data_dir == tmp_path / "emp"
    assert "a home directory that is not known" in refusal(EMP_DATA_DIR="~nobody-of-that-name/emp")


@pytest.mark.parametrize("url", ["s3://bucket/path", "gs://bucket", "az://container", "file:///srv/emp"])
def test_files_can_lie_in_a_cloud_or_a_directory(url: str) -> None:
    assert load_settings(FileSettings, {"ARTIFACTS_URL": url}).artifacts_url == url


def test_settings_made_by_hand_take_nothing_from_their_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_HOST", "elsewhere")
    assert RedisSettings().url is None
    assert RedisSettings(redis_port=6380).url == "redis://localhost:6380/0"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        RedisSettings().redis_port = 1  # type: ignore[misc]


def test_secrets_do_not_show_in_a_repr() -> None:
    settings = RedisSettings(redis_url="redis://:hunter2@host", redis_password="hunter2")  # type: ignore[arg-type]
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://user:pw@host", "redis://***@host"),
        ("redis://:p@w/x#y?z@host", "redis://***@host"),
        ("unix://user:pw@/run/redis.sock?db=1", "unix://***@/run/redis.sock?db=1"),
        ("redis://host?db=1&password=pw&x=1", "redis://host?db=1&password=***&x=1"),
        ("ws://host/ws?auth_token=pw", "ws://host/ws?auth_token=***"),
        ("s3://bucket?aws_secret_access_key=pw", "s3://bucket?aws_secret_access_key=***"),
        ("user:pw@host", "***@host"),
        ("fast,balanced", "fast,balanced"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.timeout(20)  # a pattern that looks for an end from each beginning takes hours
def test_secrets_are_looked_for_in_one_go() -> None:
    text = "key" * 300_000
    assert masked(text) == text


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("unix:///run/redis.sock", True),
        ("redis://localhost:6379/0", True),
        ("redis://:secret@127.0.0.1", True),
        ("redis://[::1]:6379", True),
        ("redis://localhost.example.org", False),
        ("redis://user:localhost@10.0.0.1:6379", False),
        ("redis+sentinel://localhost:26379,10.0.0.2:26379/main", False),
    ],
)
def test_which_redis_is_on_this_machine(url: str, here: bool) -> None:
    assert is_on_this_machine(url) is here
