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

from emp_core.client import locate as core
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.client_settings import PARTS, SECRETS, ClientSettings, read_client_settings, variables_of
from emp_core.client.contexts import load_contexts
from emp_core.client.locate import Location
from emp_core.client.redis_queue import RedisQueue, open_queue
from emp_core.domain.caller import Caller
from emp_core.errors import Misconfigured, QueueUnavailable
from emp_core.urls import masked
from emp_core.variables import CONTEXT, environment_without, variable

FILES = {".env.hub": "daemons.hub.settings:HubSettings", ".env.worker": "daemons.worker.settings:WorkerSettings"}
"""The files, and the settings of the programs that read them, which are imported if the file exists."""

DECISIVE = ("redis_url", "key_prefix", "data_dir", "artifacts_url", "hub_ws_url", "hub_auth_token")
"""What must not be said twice: it decides which queue it is, and where its files are."""

OF_A_CONTEXT = variables_of({*DECISIVE, *PARTS} - {"data_dir"})
"""The variables that say nothing about the queue of a context."""


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
    return "" if redis or read_client_settings().url else name


def _in_context(name: str) -> Told:
    environ = environment_without(OF_A_CONTEXT)
    settings = read_client_settings(environ, overrides=load_contexts().find(name).variables())
    return Told(settings, f"context {name}", name)


def _without_context(redis: str | None, decisive: Sequence[str]) -> Told:
    given = {"REDIS_URL": redis} if redis else {}
    bare = read_client_settings(overrides=given)
    files = {file: _read_file(program, given) for file, program in FILES.items() if Path(file).exists()}
    _refuse_contradictions(files, decisive)
    values = {name: value for each in (*files.values(), bare) for name, value in _set(each).items()}
    told = ClientSettings(**values, told=frozenset(values))
    if bare.url == told.url:
        return Told(told, "--redis" if redis else "the environment")
    return Told(told, next((file for file, each in files.items() if each.url == told.url), "the environment"))


def _read_file(program: str, given: Mapping[str, str]) -> ClientSettings:
    """What a program's file says, under the environment and what was `given`; pydantic is imported for it."""
    from emp_core.client.client_model import ClientModel
    from emp_core.environment import load_settings

    module, _, name = program.partition(":")
    return load_settings(ClientModel, overrides=given, program=getattr(import_module(module), name)).plain()


def _set(settings: ClientSettings) -> Mapping[str, Any]:
    return {name: getattr(settings, name) for name in settings.told}


def _refuse_contradictions(files: Mapping[str, ClientSettings], decisive: Sequence[str]) -> None:
    for field in decisive:
        said = {file: value for file, each in files.items() if (value := _said(each, field)) is not None}
        if len(set(said.values())) > 1:
            variable = variables_of([field])[0]
            raise Misconfigured(
                f"{' and '.join(said)} disagree on {variable}{'' if field in SECRETS else _shown(said.values())}",
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
    return getattr(settings, field) if field in settings.told else None


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
