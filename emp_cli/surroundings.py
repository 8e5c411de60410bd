"""Where the command finds the queue.

`--redis` or `--context`, the environment, the files of this directory, the current context, then this machine. A
context is used whole: if it names the queue, no variable and no file says anything else about it.

`.env.hub` and `.env.worker` count as the hub and the worker that start here would read them. Where the two say
different things nobody can know which one is meant: that is an error.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import Field

from emp_core.client import locate as core
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.contexts import load_contexts
from emp_core.client.locate import ClientSettings, Location
from emp_core.client.redis_queue import RedisQueue, open_queue
from emp_core.domain.caller import Caller
from emp_core.environment import CONTEXT, environment_without, load_settings, variable
from emp_core.errors import Misconfigured, QueueUnavailable
from emp_core.settings import Settings, masked, variables_of

FILES = {".env.hub": "daemons.hub.settings:HubSettings", ".env.worker": "daemons.worker.settings:WorkerSettings"}
"""The files, and the settings of the programs that read them, which are imported if the file exists."""

DECISIVE = ("redis_url", "key_prefix", "data_dir", "artifacts_url", "hub_ws_url", "hub_auth_token")
"""What must not be said twice: it decides which queue it is, and where its files are."""

PARTS = ("redis_url", "redis_host", "redis_port", "redis_db", "redis_password")
"""What names a Redis."""

WHOLE = {*DECISIVE, *PARTS} - {"data_dir"}
"""What the environment does not say of the queue of a context."""


class CommandSettings(ClientSettings):
    """Settings of the emp command."""

    context: str | None = Field(default=None, validation_alias="EMP_CONTEXT", examples=["prod"])
    """The context that names the queue, unless REDIS_URL does."""

    read_only: bool = Field(default=False, validation_alias="EMP_READ_ONLY")
    """Refuse every command that changes jobs, workers, hubs or the queue."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known before anything is looked for."""

    settings: ClientSettings
    source: str
    """Who named the queue; means nothing where nobody did."""

    context: str = ""
    """The context that did; empty: none."""


def read(redis: str | None = None, context: str | None = None, *, decisive: Sequence[str] = DECISIVE) -> Told:
    """What the command line, the environment, the files and the current context say.

    Raises `Misconfigured` where files disagree on `decisive`.
    """
    chosen = chosen_context(redis, context)
    told = _in_context(chosen) if chosen else _without_context(redis, decisive)
    if told.settings.url:
        return told
    current = load_contexts().current
    return _in_context(current) if current else told


def variables(redis: str | None, context: str | None) -> dict[str, str]:
    """What the command line and EMP_CONTEXT say of the queue, as variables of a program that is to use it."""
    chosen = chosen_context(redis, context)
    if chosen:
        return load_contexts().find(chosen).variables()
    return {"REDIS_URL": redis} if redis else {}


def chosen_context(redis: str | None, context: str | None) -> str:
    """The context that `--context` names, or EMP_CONTEXT unless the environment names the queue itself."""
    name = context or variable(CONTEXT).strip()
    if context or not name:
        return name
    return "" if redis or load_settings(ClientSettings).url else name


def _in_context(name: str) -> Told:
    environ = environment_without(ClientSettings, WHOLE)
    settings = load_settings(ClientSettings, environ, overrides=load_contexts().find(name).variables())
    return Told(settings, f"context {name}", name)


def _without_context(redis: str | None, decisive: Sequence[str]) -> Told:
    given = {"REDIS_URL": redis} if redis else {}
    bare = load_settings(ClientSettings, overrides=given)
    files = {
        file: load_settings(ClientSettings, overrides=given, program=_program(settings))
        for file, settings in FILES.items()
        if Path(file).exists()
    }
    _refuse_contradictions(files, decisive)
    told = ClientSettings(**{name: value for each in (*files.values(), bare) for name, value in _set(each).items()})
    if bare.url == told.url:
        return Told(told, "--redis" if redis else "the environment")
    return Told(told, next((file for file, each in files.items() if each.url == told.url), "the environment"))


def _program(settings: str) -> type[Settings]:
    module, _, name = settings.partition(":")
    program: type[Settings] = getattr(import_module(module), name)
    return program


def _set(settings: ClientSettings) -> Mapping[str, Any]:
    return {name: getattr(settings, name) for name in settings.model_fields_set}


def _refuse_contradictions(files: Mapping[str, ClientSettings], decisive: Sequence[str]) -> None:
    for field in decisive:
        said = {file: value for file, each in files.items() if (value := _said(each, field)) is not None}
        if len(set(said.values())) > 1:
            variable = variables_of(field, ClientSettings.model_fields[field])[0]
            raise Misconfigured(
                f"{' and '.join(said)} disagree on {variable}{_shown(said.values())}",
                hint=f"make them equal, or set {variable} in the environment, which overrides both",
            )


def _shown(values: Iterable[Any]) -> str:
    """Nothing where they differ only in what must not be seen."""
    texts = dict.fromkeys(masked(str(value)) for value in values)
    return f": {' or '.join(texts)}" if len(texts) > 1 else ""


def _said(settings: ClientSettings, field: str) -> Any:
    """A value that was set, the parts of a URL as the URL that they make."""
    if field == "redis_url":
        return settings.url
    return getattr(settings, field) if field in settings.model_fields_set else None


async def find(redis: str | None = None, context: str | None = None) -> Location | None:
    """The queue, and None where there is none to be found."""
    told = read(redis, context)
    found = await core.find(settings=told.settings)
    if found is None or not told.settings.url:
        return found
    return replace(found, source=told.source, context=told.context)


async def locate(redis: str | None = None, context: str | None = None) -> Location:
    """The queue. Raises `QueueUnavailable` with what to do, or `Misconfigured`."""
    found = await find(redis, context)
    if found is None:
        raise core.none_found(read(redis, context).settings.data_dir)
    return found


async def connect(redis: str | None = None, context: str | None = None, *, caller: Caller | None = None) -> AsyncEmp:
    """A client of the queue, for a caller."""
    return AsyncEmp(*await reach(redis, context, caller=caller))


async def reach(
    redis: str | None = None, context: str | None = None, *, caller: Caller | None = None
) -> tuple[RedisQueue, Location]:
    """The queue for a caller, and where it is."""
    location = await locate(redis, context)
    try:
        return await open_queue(location, caller), location
    except QueueUnavailable as error:
        error.hint = error.hint or f"{location.source} names it; is it running? --redis gives another one"
        raise
