"""What can be set, and what each value may be.

A field is read from the variable of the same name in capitals, or from those that it names; `environment` does the
reading. A program reads its settings once, where it starts, and passes them down.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import platformdirs
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from emp_core import checks
from emp_core.urls import redis_url_of

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADERS = "must be a JSON object of header names and values, or Name: value pairs with commas between them"


def between(low: float, high: float) -> AfterValidator:
    """A bound that names the whole range when it is broken."""
    return AfterValidator(checks.within(low, high))


def url_of(*schemes: str) -> AfterValidator:
    """A URL of one of these schemes that says where to go."""
    return AfterValidator(checks.has_scheme(*schemes))


def _check_token(token: SecretStr | None) -> SecretStr | None:
    if token is not None:
        checks.check_token(token.get_secret_value())
    return token


def split_names(text: object) -> object:
    """`a,b` or a JSON list."""
    if not isinstance(text, str):
        return text
    names = _parse_json(text, "a list of names such as a,b") if text.startswith("[") else text.split(",")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("must be a list of names such as a,b")
    return tuple(dict.fromkeys(stripped for name in names if (stripped := name.strip())))


def _split_unless_all(text: object) -> object:
    return text if text == "all" else split_names(text)


def _parse_object(text: object) -> object:
    return _parse_json(text, "a JSON object") if isinstance(text, str) else text


def _parse_headers(text: object) -> object:
    """A JSON object, or `Name: value` pairs with commas between them."""
    if not isinstance(text, str) or text.startswith("{"):
        return _parse_object(text)
    pairs = [pair.partition(":") for pair in text.split(",") if pair.strip()]
    if not all(colon for _, colon, _ in pairs):
        raise ValueError(_HEADERS)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise ValueError(_HEADERS)
    return headers


def _parse_json(text: str, wanted: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(f"must be {wanted}") from None


def _upper(text: object) -> object:
    return text.upper() if isinstance(text, str) else text


class Hidden:
    """Stands in the annotation of a field whose value is secret: no error shows it."""


Port = Annotated[int, between(1, 65_535)]
ListenPort = Annotated[int, between(0, 65_535)]
"""0 is any port that is free."""

Host = Annotated[str, AfterValidator(checks.check_host)]
Token = Annotated[SecretStr | None, AfterValidator(_check_token)]
HttpUrl = Annotated[str, url_of("http", "https")]
WsUrl = Annotated[str, url_of("ws", "wss")]
RedisUrl = Annotated[str, AfterValidator(checks.check_redis_url)]
ArtifactsUrl = Annotated[str, url_of(*checks.FILE_SCHEMES)]
KeyPrefix = Annotated[str, AfterValidator(checks.check_key_prefix)]
Names = Annotated[tuple[str, ...], BeforeValidator(split_names)]
NamesOrAll = Annotated[Literal["all"] | tuple[str, ...], BeforeValidator(_split_unless_all)]
JsonObject = Annotated[dict[str, Any], BeforeValidator(_parse_object)]
Headers = Annotated[dict[str, str], BeforeValidator(_parse_headers), AfterValidator(_check_headers), Hidden()]
UserPath = Annotated[Path, AfterValidator(checks.expand_home)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)]


@dataclass(frozen=True)
class NotUsedYet:
    """Marks a setting of a part that is not built yet: `Annotated[int, NotUsedYet()]`."""


def is_used(field: FieldInfo) -> bool:
    """Whether setting it changes anything."""
    return not any(isinstance(mark, NotUsedYet) for mark in field.metadata)


def variables_of(field_name: str, field: FieldInfo, prefix: str = "") -> tuple[str, ...]:
    """The variables that a field is read from, the first of which wins. `prefix` is its class's `env_prefix`."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return tuple(str(choice) for choice in alias.choices)
    return (str(alias or f"{prefix}{field_name}".upper()),)


class SettingsModel(BaseSettings):
    """Fields that are read from variables: a program's, or a connector's with its `env_prefix`."""

    model_config = SettingsConfigDict(
        defer_build=True,  # most classes are only inherited from, and validators take time to build
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        validate_by_alias=False,
        validate_by_name=True,
    )

    env_file: ClassVar[Path | None] = None
    """The file that a program reads in its working directory."""

    _notes: list[str] = PrivateAttr(default_factory=list)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was set and yet not used, and why; for the log."""
        return tuple(self._notes)

    def note(self, text: str) -> None:
        """Keep a remark until there is a log to write it to."""
        self._notes.append(text)

    @classmethod
    def neighbours(cls, texts: Mapping[str, str], *, imports: bool) -> Sequence["type[SettingsModel]"] | None:
        """Further classes whose variables may stand in the file of this one, given all variables.

        None if they are not known, so that no name in the file can be called wrong. Without `imports` no code of third
        parties is run to find them.
        """
        return ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Settings made by hand take nothing from their surroundings."""
        return (init_settings,)


class Settings(SettingsModel):
    """What every program of emp reads."""

    log_level: LogLevel = "INFO"
    """The log level: debug, info, warning, error or critical."""

    log_format: Literal["console", "json"] = "console"
    """`console` for people, `json` for one JSON object per line."""

    data_dir: UserPath = Field(
        default_factory=lambda: platformdirs.user_data_path("emp"),
        validation_alias="EMP_DATA_DIR",
        examples=["~/.local/share/emp"],
    )
    """The directory of the embedded Valkey and of local files; default: the user's data directory.

    While the file store is unavailable, a worker keeps at most one output of each running job in `spool` there."""

    test_settings: bool = Field(default=False, validation_alias="EMP_TEST_SETTINGS")
    """Allows settings for tests only, such as leases of a second."""

    lease_seconds: int = 30
    """The lease of a claim, 10 to 300 s; the worker renews it three times per lease."""

    @field_validator("lease_seconds")
    @classmethod
    def _lease_in_range(cls, seconds: int, info: ValidationInfo) -> int:
        return checks.check_lease(seconds, for_tests=bool(info.data.get("test_settings")))


class FileSettings(Settings):
    """Where the input and output files of jobs are stored."""

    artifacts_url: ArtifactsUrl | None = Field(default=None, repr=False, examples=["s3://bucket/emp"])
    """A file store (s3, gs, az or file), which queues can share; default: the hub's data directory."""


class RedisSettings(Settings):
    """Where the queue is."""

    redis_url: RedisUrl | None = Field(default=None, repr=False, examples=["redis://localhost:6379/0"])
    """The queue's Redis: redis, rediss, unix, redis+sentinel or redis+cluster; overrides the parts below."""

    redis_host: Host | None = Field(default=None, examples=["localhost"])
    """The host of Redis, if no URL is set."""

    redis_port: Port = 6379
    """The port of Redis."""

    redis_db: Annotated[int, between(0, 1_000_000)] = 0
    """The number of the Redis database."""

    redis_password: SecretStr | None = Field(default=None, examples=["a-password"])
    """The password of Redis."""

    redis_max_connections: Annotated[int, between(4, 10_000)] = 16
    """How many connections to Redis a process opens at most; calls beyond them wait for a free one."""

    key_prefix: Annotated[str, AfterValidator(checks.check_key_prefix)] = Field(
        "{emp}:", validation_alias="EMP_KEY_PREFIX"
    )
    """The prefix of every key. Another prefix is another queue; the braces keep the queue in one Cluster slot."""

    @property
    def url(self) -> str | None:
        """The Redis to use, or None where nothing names one."""
        if self.redis_url or not self._parts:
            return self.redis_url
        password = self.redis_password.get_secret_value() if self.redis_password else ""
        return redis_url_of(self.redis_host or "localhost", self.redis_port, self.redis_db, password)

    @property
    def _parts(self) -> list[str]:
        parts = ("redis_host", "redis_port", "redis_db", "redis_password")
        return [part.upper() for part in parts if part in self.model_fields_set]

    @model_validator(mode="after")
    def _note_unused_parts(self) -> Self:
        if self.redis_url and self._parts:
            self.note(f"{', '.join(self._parts)} not used, because the URL of Redis is set")
        return self
