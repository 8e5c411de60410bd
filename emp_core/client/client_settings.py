"""What programs that submit and look are told by variables: the queue, and where its files are.

They are read here without pydantic, which takes longer to import than a short command takes. `client_model` describes
the same settings for `emp config` and the docs, and reads them from files.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from emp_core import checks
from emp_core.errors import Misconfigured
from emp_core.store.connection import DEFAULT_PREFIX
from emp_core.urls import masked, redis_url_of
from emp_core.variables import OF_THE_COMMAND, Mistake, environment, is_link, printable, unknown_names

PARTS = ("redis_host", "redis_port", "redis_db", "redis_password")
"""What names a Redis without a URL."""

SECRETS = ("redis_password", "hub_auth_token")

ONLY_CHECKED = ("log_level", "log_format", "test_settings", "lease_seconds")
"""What every program of emp reads, and a client has no use for."""


def _number(low: int, high: int) -> Callable[[str], float]:
    return lambda text: checks.within(low, high)(checks.whole_number(text))


_log_level = checks.one_of(*checks.LOG_LEVELS)

# In the order of the fields of the model.
_FIELDS: Mapping[str, tuple[tuple[str, ...], Callable[[str], Any]]] = {
    "log_level": (("LOG_LEVEL",), lambda text: _log_level(text.upper())),
    "log_format": (("LOG_FORMAT",), checks.one_of(*checks.LOG_FORMATS)),
    "data_dir": (("EMP_DATA_DIR",), lambda text: checks.expand_home(Path(text))),
    "test_settings": (("EMP_TEST_SETTINGS",), checks.yes_or_no),
    "lease_seconds": (("LEASE_SECONDS",), checks.whole_number),
    "artifacts_url": (("ARTIFACTS_URL",), checks.has_scheme(*checks.FILE_SCHEMES)),
    "redis_url": (("REDIS_URL", "HUB_REDIS_URL"), checks.check_redis_url),
    "redis_host": (("REDIS_HOST",), checks.check_host),
    "redis_port": (("REDIS_PORT",), _number(1, 65_535)),
    "redis_db": (("REDIS_DB",), _number(0, 1_000_000)),
    "redis_password": (("REDIS_PASSWORD",), str),
    "redis_max_connections": (("REDIS_MAX_CONNECTIONS",), _number(4, 10_000)),
    "key_prefix": (("EMP_KEY_PREFIX",), checks.check_key_prefix),
    "hub_ws_url": (("HUB_WS_URL",), checks.has_scheme("ws", "wss")),
    "hub_auth_token": (("HUB_AUTH_TOKEN", "WS_AUTH_TOKEN"), str),
}
"""Field -> the variables that it is read from, the first of which wins, and its reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Settings of programs that submit and look; see `client_model` for what each is."""

    redis_url: str | None = field(default=None, repr=False)
    redis_host: str | None = None
    redis_port: int = 6379
    redis_db: int = 0
    redis_password: str = field(default="", repr=False)
    redis_max_connections: int = 16
    key_prefix: str = DEFAULT_PREFIX
    data_dir: Path = field(default_factory=lambda: platformdirs.user_data_path("emp"))
    artifacts_url: str | None = field(default=None, repr=False)
    hub_ws_url: str | None = field(default=None, repr=False)
    hub_auth_token: str = field(default="", repr=False)

    told: frozenset[str] = frozenset()
    """The fields that a variable or a file sets."""

    @property
    def url(self) -> str | None:
        """The Redis to use, or None if nothing names one."""
        if self.redis_url or self.told.isdisjoint(PARTS):
            return self.redis_url
        return redis_url_of(self.redis_host or "localhost", self.redis_port, self.redis_db, self.redis_password)


def read_client_settings(
    environ: Mapping[str, str] | None = None, *, overrides: Mapping[str, str] | None = None, strict: bool = True
) -> ClientSettings:
    """Read them from the environment, and from what the command line says instead. Raises `Misconfigured`.

    `strict` refuses unknown `EMP_` names; a library leaves those of its host program alone.
    """
    environ = environment() if environ is None else environ
    unknown = unknown_names(environ, (*variables_of(_FIELDS), *OF_THE_COMMAND)) if strict else []
    if unknown:
        raise Misconfigured(unknown[0].text())
    known = {name: text for name, text in environ.items() if not is_link(name, text)}
    found: dict[str, Any] = {}
    for name, (variables, read) in _FIELDS.items():
        variable, text = _first(variables, (overrides or {}, known))
        if text:
            found[name] = _value(name, variable, text, read)
    if "lease_seconds" in found:
        for_tests = found.get("test_settings", False)
        _value(
            "lease_seconds",
            "LEASE_SECONDS",
            str(found["lease_seconds"]),
            lambda text: checks.check_lease(int(text), for_tests=for_tests),
        )
    kept = {name: value for name, value in found.items() if name not in ONLY_CHECKED}
    return ClientSettings(**kept, told=frozenset(kept))


def variables_of(fields: Collection[str]) -> tuple[str, ...]:
    """Every variable that is read for some fields."""
    return tuple(variable for name in fields for variable in _FIELDS[name][0])


def _first(variables: Collection[str], layers: Collection[Mapping[str, str]]) -> tuple[str, str]:
    """The variable that counts, and its text; an empty one does not count."""
    texts = ((name, layer.get(name, "").strip()) for layer in layers for name in variables)
    return next(((name, text) for name, text in texts if text), ("", ""))


def _value(name: str, variable: str, text: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(text)
    except ValueError as error:
        shown = "***" if name in SECRETS else printable(masked(text))
        raise Misconfigured(Mistake(place="", name=variable, problem=str(error), shown=shown).text()) from None
