"""All that lies in Redis, read at once, for the checks that follow each test."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from emp_core.store.codec import job_fields
from emp_core.store.keys import Key, row_of

T = TypeVar("T")

_READS: Mapping[str, Callable[[str], tuple[object, ...]]] = {
    "string": lambda name: ("GET", name),
    "hash": lambda name: ("HGETALL", name),
    "list": lambda name: ("LRANGE", name, 0, -1),
    "set": lambda name: ("SMEMBERS", name),
    "zset": lambda name: ("ZRANGEBYSCORE", name, "-inf", "+inf", "WITHSCORES"),
    "stream": lambda name: ("XRANGE", name, "-", "+"),
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
        names = sorted(key.decode() for key in client.execute_command("KEYS", "*"))
        self.strangers = [name for name in names if not name.startswith(prefix)]
        ours = [name for name in names if name.startswith(prefix)]
        types = [kind.decode() for kind in _run(client, [("TYPE", name) for name in ours])]
        ttls = _run(client, [("PTTL", name) for name in ours])
        values = _run(client, [_READS[kind](name) for name, kind in zip(ours, types, strict=True)])
        self.entries: dict[str, Entry] = {}
        for key, kind, ttl, value in zip(ours, types, ttls, values, strict=True):
            name = key.removeprefix(prefix)
            self.entries[name] = Entry(name, row_of(name), kind, ttl, value)

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
        return self._parsed(name, _scores, ())

    def log(self, name: str) -> list[dict[str, str]]:
        return self._parsed(name, lambda found: [_fields(fields) for _, fields in found], ())

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


def _scores(found: Sequence[Any]) -> dict[str, float]:
    pairs = zip(found[::2], found[1::2], strict=True) if found and not isinstance(found[0], tuple) else found
    return {member.decode(): float(score) for member, score in pairs}


Look = Callable[[], Snapshot]


def _run(client: Any, commands: list[tuple[object, ...]]) -> list[Any]:
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    return list(pipeline.execute())
