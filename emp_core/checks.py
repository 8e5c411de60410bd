"""What the value of a setting may be. Each check returns the value, or raises `ValueError` with what it must be."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "redis+cluster")
FILE_SCHEMES = ("s3", "gs", "az", "file")

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMATS = ("console", "json")

TRUE = ("1", "true", "t", "yes", "y", "on")
FALSE = ("0", "false", "f", "no", "n", "off")

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%[A-Za-z0-9]+)?")
_KEY_PREFIX = re.compile(r"[A-Za-z0-9._:-]*\{[A-Za-z0-9._:-]+\}[A-Za-z0-9._:-]*")


def whole_number(text: str) -> int:
    """A whole number, as it is typed."""
    try:
        return int(text.removesuffix(".0"))
    except ValueError:
        raise ValueError("must be a whole number") from None


def yes_or_no(text: str) -> bool:
    """A flag, as variables have it."""
    word = text.strip().lower()
    if word not in (*TRUE, *FALSE):
        raise ValueError("must be true or false")
    return word in TRUE


def one_of(*words: str) -> Callable[[str], str]:
    """One of some words."""

    def check(word: str) -> str:
        if word not in words:
            *first, last = map(repr, words)
            raise ValueError(f"must be {', '.join(first)} or {last}")
        return word

    return check


def within(low: float, high: float) -> Callable[[float], float]:
    """A bound that names the whole range when it is broken."""

    def check(value: float) -> float:
        if not low <= value <= high:
            raise ValueError(f"must be {low} to {high}")
        return value

    return check


def has_scheme(*schemes: str) -> Callable[[str], str]:
    """A URL of one of these schemes that says where to go."""

    def check(url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in schemes or not (parts.netloc or parts.path.strip("/")):
            raise ValueError(f"must be a URL that begins with {', '.join(f'{scheme}://' for scheme in schemes)}")
        return url

    return check


_check_redis_scheme = has_scheme(*REDIS_SCHEMES)


def check_redis_url(url: str) -> str:
    """The URL of a Redis."""
    parts = urlsplit(_check_redis_scheme(url))
    if parts.scheme == "unix":
        return url
    for place in parts.netloc.rpartition("@")[2].split(","):
        server = urlsplit(f"//{place}")
        if not server.hostname or server.port == 0:
            raise ValueError("must name a host, or host:port")
    if parts.scheme in ("redis", "rediss") and not re.fullmatch(r"/?\d*", parts.path):
        raise ValueError("must end in the number of a database, such as /0")
    return url


def check_host(host: str) -> str:
    """A host, without scheme and port."""
    if not _HOST.fullmatch(host):
        raise ValueError("must be a host name or an address, without scheme and port")
    return host


def expand_home(path: Path) -> Path:
    """A path with the user's home in the place of `~`."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("begins at a home directory that is not known") from None


def check_token(token: str) -> str:
    """A token that a header can hold."""
    if not (token.isascii() and token.isprintable()):
        raise ValueError("must be printable ASCII, because it is sent in a header")
    return token


def check_key_prefix(prefix: str) -> str:
    """The prefix of all keys of a queue."""
    if not _KEY_PREFIX.fullmatch(prefix):
        raise ValueError("must contain a hash tag in braces, such as {emp}:, so that all keys are in one Cluster slot")
    return prefix


def check_lease(seconds: int, *, for_tests: bool) -> int:
    """The lease of a claim; `for_tests`: where it may be shorter."""
    least = 1 if for_tests else 10
    if not least <= seconds <= 300:
        raise ValueError(f"must be {least} to 300")
    return seconds
