"""Where the command finds the queue: `--redis`, the environment, the files of this directory, then this machine.

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
from emp_core.client.locate import ClientSettings, Location
from emp_core.client.redis_queue import open_queue
from emp_core.domain.caller import Caller
from emp_core.environment import load_settings
from emp_core.errors import Misconfigured, QueueUnavailable
from emp_core.settings import Settings, masked, variables_of

FILES = {".env.hub": "daemons.hub.settings:HubSettings", ".env.worker": "daemons.worker.settings:WorkerSettings"}
"""The files, and the settings of the programs that read them, which are imported if the file exists."""

DECISIVE = ("redis_url", "key_prefix", "data_dir", "artifacts_url", "hub_ws_url", "hub_auth_token")
"""What must not be said twice: it decides which queue it is, and where its files are."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known before anything is looked for."""

    settings: ClientSettings
    source: str
    """Who named the queue; means nothing where nobody did."""


def read(redis: str | None = None, decisive: Sequence[str] = DECISIVE) -> Told:
    """What `--redis`, the environment and the files say. Raises `Misconfigured` where files disagree on `decisive`."""
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


async def find(redis: str | None = None) -> Location | None:
    """The queue, and None where there is none to be found."""
    told = read(redis)
    found = await core.find(settings=told.settings)
    return replace(found, source=told.source) if found is not None and told.settings.url else found


async def locate(redis: str | None = None) -> Location:
    """The queue. Raises `QueueUnavailable` with what to do, or `Misconfigured`."""
    found = await find(redis)
    if found is None:
        raise core.none_found(read(redis).settings.data_dir)
    return found


async def connect(redis: str | None = None, caller: Caller | None = None) -> AsyncEmp:
    """A client of the queue, for a caller."""
    location = await locate(redis)
    try:
        return AsyncEmp(await open_queue(location, caller), location)
    except QueueUnavailable as error:
        error.hint = error.hint or f"{location.source} names it; is it running? --redis gives another one"
        raise
