"""What a Redis must be to hold a queue: one function for each rule, over what the server says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emp_core.errors import Misconfigured, QueueUnavailable

SCHEMA = "4"
"""The layout of the keys. Another one in Redis is refused: nothing is guessed about old data."""

UPGRADED = ("2", "3")
"""The layouts that a hub takes over. The jobs of the first are not listed yet for filters (`Upkeep.index_jobs`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What was found at the other end."""

    engine: str
    version: str
    durability: str
    """What a power cut takes of acknowledged writes.

    `memory` all, `os` what the system has not written to the disk yet, `everysec` the last two seconds, `always` none;
    `unknown` if Redis does not say.
    """


DURABILITY = {"always": "always", "everysec": "everysec", "no": "os"}
"""appendfsync -> what it means for a write."""


def server_of(info: Mapping[str, Any], appendfsync: str | None) -> Server:
    """The server that says this in INFO, and this of its append-only file."""
    valkey = info.get("valkey_version")
    return Server(
        engine="valkey" if valkey else "redis",
        version=str(valkey or info["redis_version"]),
        durability=DURABILITY.get(appendfsync or "", "unknown") if int(info.get("aof_enabled", 0)) else "memory",
    )


def too_old(info: Mapping[str, Any]) -> QueueUnavailable | None:
    """The refusal of a server that lacks what the functions use."""
    server = server_of(info, None)
    if _numbers(server.version) >= ((7, 2) if server.engine == "valkey" else (7, 0)):
        return None
    return QueueUnavailable(
        "redis_too_old", f"{server.engine} {server.version} is too old; Redis 7.0 or Valkey 7.2 is needed"
    )


def other_schema(schema: str, prefix: str) -> Misconfigured | None:
    """The refusal of a queue that another version wrote."""
    if schema == SCHEMA:
        return None
    upgrade = "start a hub of this version: it upgrades the queue"
    hint = upgrade if schema in UPGRADED else "use the emp that wrote it, or another EMP_KEY_PREFIX"
    return Misconfigured(f"the queue at {prefix} has schema {schema}, this emp reads {SCHEMA}", hint=hint)


def evicting(info: Mapping[str, Any]) -> Misconfigured | None:
    """The refusal of a server that deletes jobs when its memory is full."""
    policy = info.get("maxmemory_policy", "noeviction")
    if int(info.get("maxmemory", 0)) == 0 or policy == "noeviction":
        return None
    return Misconfigured(
        f"Redis may evict keys (maxmemory-policy {policy}), and with them jobs",
        hint="redis-cli CONFIG SET maxmemory-policy noeviction",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
