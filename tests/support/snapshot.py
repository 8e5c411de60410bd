"""All that lies in Redis, read at once, for the checks that follow each test."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from emp_core.store.codec import job_fields
from emp_core.store.keys import Key, row_of

T = TypeVar("T")

_READ_ALL = """
local reads = {
  string = {'GET'},
  hash = {'HGETALL'},
  list = {'LRANGE', 0, -1},
  set = {'SMEMBERS'},
  zset = {'ZRANGE', 0, -1, 'WITHSCORES'},
  stream = {'XRANGE', '-', '+'},
}
local found = {}
for _, name in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', name).ok
  local read = reads[kind]
  found[#found + 1] = {name, kind, redis.call('PTTL', name), redis.call(read[1], name, unpack(read, 2))}
end
return found
"""
"""In one call: to read three replies a key would take a third of the time of a typical test of the store."""


def _pairs(flat: Sequence[Any]) -> dict[Any, Any]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


_SHAPES: Mapping[str, Callable[[Any], Any]] = {
    "string": bytes,
    "hash": _pairs,
    "list": list,
    "set": set,
    "zset": _pairs,
    "stream": list,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One key, by its name without the prefix."""

    name: str
    row: Key | None
    type: str
    ttl_ms: int
    """-1: it does not expire."""

    value: Any


class Snapshot:
    """Reads by name; what is not there is empty."""

    def __init__(self, client: Any, prefix: str) -> None:
        found = sorted((name.decode(), kind.decode(), *rest) for name, kind, *rest in client.eval(_READ_ALL, 0))
        self.strangers = [name for name, *_ in found if not name.startswith(prefix)]
        self.entries: dict[str, Entry] = {}
        for key, kind, ttl, value in found:
            if key.startswith(prefix):
                name = key.removeprefix(prefix)
                self.entries[name] = Entry(name, row_of(name), kind, ttl, _SHAPES[kind](value))

        self._read: dict[str, Any] = {}

    def _parsed(self, name: str, parse: Callable[[Any], T], nothing: Any) -> T:
        if name not in self._read:
            entry = self.entries.get(name)
            self._read[name] = parse(entry.value if entry else nothing)
        return cast(T, self._read[name])

    def string(self, name: str) -> bytes:
        return self._parsed(name, bytes, b"")

    def fields(self, name: str) -> dict[str, str]:
        return self._parsed(name, _fields, {})

    def members(self, name: str) -> set[str]:
        return self._parsed(name, lambda found: {member.decode() for member in found}, ())

    def items(self, name: str) -> list[str]:
        return self._parsed(name, lambda found: [item.decode("utf-8", "replace") for item in found], ())

    def scores(self, name: str) -> dict[str, float]:
        return self._parsed(name, _scores, {})

    def log(self, name: str) -> list[dict[str, str]]:
        return self._parsed(name, lambda found: [_fields(_pairs(fields)) for _, fields in found], ())

    def job(self, job_id: str) -> dict[str, str]:
        """A job's values by name, also those that lie together in one field."""
        return job_fields(self.fields(f"job:{job_id}"))

    def jobs(self) -> dict[str, dict[str, str]]:
        return {name: self.job(name) for name in self.ids("job:{job}")}

    def event_names(self, job_id: str) -> list[str]:
        """The names of a job's events, oldest first."""
        words = [entry["e"].split(" ") for entry in self.log("events")]
        return [name for name, job, *_ in words if job == job_id]

    def ids(self, row_name: str) -> Iterator[str]:
        """The ids of all keys of a row, such as `job:{job}`."""
        for entry in self.entries.values():
            if entry.row is not None and entry.row.name == row_name:
                yield entry.row.id_in(entry.name) or ""

    def hashes(self, row_name: str) -> dict[str, dict[str, str]]:
        literal = row_name.partition("{")[0]
        return {name: self.fields(literal + name) for name in self.ids(row_name)}


def _fields(found: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode("utf-8", "replace") for name, value in found.items()}


def _scores(found: Mapping[bytes, bytes]) -> dict[str, float]:
    return {member.decode(): float(score) for member, score in found.items()}


Look = Callable[[], Snapshot]
