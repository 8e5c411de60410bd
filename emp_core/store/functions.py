"""Calls the functions of the library (`function_library.py`) by their names, and loads it where it is missing."""

import asyncio
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import NoPermissionError, OutOfMemoryError, ResponseError

from emp_core.errors import AccessDenied, QueueUnavailable
from emp_core.store.function_library import LUA, is_library, library, read_header

LOADS_AT_MOST = 10
"""How often one call loads the library: somebody may drop it in between."""


class Caller(Protocol):
    """What sends a call to Redis."""

    async def execute_command(self, *arguments: Any) -> Any:
        """Redis's answer."""
        ...


class Function:
    """One function, called with its own argument names."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.header = read_header((LUA / f"{name}.lua").read_text())
        self._names = [argument for argument, _ in self.header.arguments]

    def words(self, rest: Iterable[Sequence[str | bytes]], given: Mapping[str, Any]) -> list[Any]:
        """Redis's arguments: `given` by name, then the fields of each record. Raises `TypeError`."""
        if len(given) != len(self._names) or not all(name in given for name in self._names):
            odd = sorted(set(self._names) ^ set(given))
            raise TypeError(f"{self.name} takes {', '.join(self._names)}; missing or unknown: {', '.join(odd)}")
        words = [given[name] for name in self._names]
        for record in rest:
            if len(record) != len(self.header.fields):
                raise TypeError(f"{self.name}: a record has the fields {self.header.fields}, not {len(record)} values")
            words.extend(record)
        return words


@functools.cache
def function(name: str) -> Function:
    """The function of that name, its header read once."""
    return Function(name)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A library of emp that a server has."""

    name: str
    functions: int
    current: bool
    """Whether it is this version's."""


def loaded_of(listed: Iterable[Sequence[Any]]) -> list[Loaded]:
    """emp's libraries in an answer of FUNCTION LIST, this version's first."""
    found: list[Loaded] = []
    for each in listed:
        told = dict(zip(each[::2], each[1::2], strict=True))
        name = told[b"library_name"].decode("utf-8", "replace")
        if is_library(name):
            found.append(Loaded(name, len(told[b"functions"]), name == library().name))
    return sorted(found, key=lambda each: (not each.current, each.name))


class Functions:
    """The library on the server of one client."""

    def __init__(self, client: Any, caller: Caller) -> None:
        self._client = client
        self._caller = caller
        self._loading = asyncio.Lock()
        self._loads = 0

    async def call(self, name: str, key: str, rest: Iterable[Sequence[str | bytes]], given: Mapping[str, Any]) -> Any:
        """Run a function. `key` is the queue's schema key, whose name begins with its prefix.

        Raises `TypeError` on a missing or extra name, and Redis's errors.
        """
        command = ("FCALL", f"{library().name}_{name}", 1, key, *function(name).words(rest, given))
        for _ in range(LOADS_AT_MOST):
            loads = self._loads
            try:
                return await self._caller.execute_command(*command)
            except ResponseError as error:
                if "Function not found" not in str(error):
                    error.args = (library().located(str(error)),)
                    raise
            # Flushed, lost with a failover, or never there.
            await self._load_again(loads)
        raise QueueUnavailable(
            "redis_unavailable",
            "Redis loses emp's functions again and again",
            hint="who runs FUNCTION FLUSH or DELETE?",
        )

    async def _load_again(self, loads: int) -> None:
        """Load the library, unless a call beside this one did so meanwhile."""
        async with self._loading:
            if self._loads == loads:
                await self.load()
                self._loads += 1

    async def load(self) -> None:
        """Load the library, if it is not there. Raises `QueueUnavailable`, `AccessDenied` and Redis's errors."""
        try:
            await self._client.execute_command("FUNCTION LOAD", library().text)
        except OutOfMemoryError as error:
            raise QueueUnavailable(
                "storage_full",
                "Redis is full (maxmemory), and does not have the functions of this version of emp yet",
                hint="raise maxmemory, or delete ended jobs with the version that runs",
            ) from error
        except NoPermissionError as error:
            raise AccessDenied(
                f"Redis does not let this user load functions: {error}",
                hint="ACL SETUSER it +fcall +function|load, or start a hub of this version with one that may",
            ) from error
        except ResponseError as error:
            if "already exists" not in str(error):
                raise
