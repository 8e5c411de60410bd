"""The settings of all programs of emp, each as it would read them if it started here."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from daemons.hub.settings import HubSettings
from daemons.worker.catalog import SHIPPED, find_factory, missing, settings_model
from daemons.worker.settings import WorkerSettings
from emp_cli.surroundings import FILES, OF_A_CONTEXT, Told, chosen_context, read
from emp_core.client.client_model import CommandSettings
from emp_core.client.client_settings import PARTS
from emp_core.client.contexts import load_contexts
from emp_core.env_file import read_env_file
from emp_core.environment import Layer, Variables, is_secret, read_variables
from emp_core.errors import Misconfigured
from emp_core.settings import Settings, SettingsModel, split_names, variables_of
from emp_core.urls import masked
from emp_core.variables import Mistake, environment_without

PROGRAMS: Mapping[str, type[Settings]] = {"command": CommandSettings, "hub": HubSettings, "worker": WorkerSettings}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as a program reads it."""

    program: str
    name: str
    value: str
    """Without passwords; empty if it is not set and has no default."""

    origin: str
    """`default`, or where the value stands."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of the queue."""

    redis: str | None
    context: str | None

    def told(self) -> Told:
        """Which queue that is."""
        return read(self.redis, self.context)


def models(services: Sequence[str] = ()) -> dict[str, type[SettingsModel]]:
    """The programs, and the connectors that ship with emp or are among the services, each with its settings."""
    factories = {name: find_factory(name) for name in dict.fromkeys([*SHIPPED, *services])}
    connectors = {name: settings_model(factory) for name, factory in factories.items() if factory is not None}
    return {**PROGRAMS, **{name: model for name, model in connectors.items() if model is not None}}


def settings(given: Given) -> Iterator[Setting]:
    """All of them. Raises `Misconfigured` if one cannot be used."""
    for program, found in _all(given):
        wrong = found.mistakes()
        if wrong:
            raise Misconfigured(wrong[0].text(), hint="emp config check shows all mistakes")
        built = found.cls(**found.fields())
        for name, field in found.cls.model_fields.items():
            origin = found.origin(name)
            value = _shown(getattr(built, name), secret=is_secret(field))
            variable = variables_of(name, field, found.cls.model_config.get("env_prefix", ""))[0]
            yield Setting(
                program=program,
                name=origin.variable if origin else variable,
                value=value,
                origin=origin.source if origin else "default",
            )


def mistakes(given: Given) -> list[Mistake]:
    """Everything that is wrong with them, each once."""
    found: list[Mistake] = []
    try:
        for _, read_by in _all(given):
            found += read_by.mistakes()
        given.told()
    except Misconfigured as error:
        found.append(Mistake(place="", name="", problem=error.message))
    return list({mistake.text(): mistake for mistake in reversed(found)}.values())[::-1]


def _all(given: Given) -> Iterator[tuple[str, Variables]]:
    """Each program and what it reads. Raises `Misconfigured` if a file cannot be read, after the programs before."""
    hub, worker = (_of_daemon(PROGRAMS[name], given) for name in ("hub", "worker"))
    services = _services(worker)
    yield "hub", hub
    yield "worker", worker
    for name, model in models(services).items():
        if name not in PROGRAMS:
            yield name, replace(read_variables(model, program=WorkerSettings), unknown=())
    lacking = [missing(name) for name in services if find_factory(name) is None]
    if lacking:
        raise lacking[0]
    yield "command", _of_command(given)


def _services(worker: Variables) -> tuple[str, ...]:
    origin = worker.origin("services")
    try:
        names = split_names(origin.text) if origin else ()
    except ValueError:  # which is one of the worker's mistakes
        return ()
    return names if isinstance(names, tuple) else ()


def _of_daemon(cls: type[Settings], given: Given) -> Variables:
    chosen = chosen_context(given.redis, given.context)
    if chosen:
        return _below(read_variables(cls), chosen)
    found = read_variables(cls, overrides={"REDIS_URL": given.redis} if given.redis else {})
    if any(found.origin(name) for name in ("redis_url", *PARTS)):
        return found
    current = load_contexts().current
    return _below(found, current) if current else found


def _below(found: Variables, context: str) -> Variables:
    """With a context that names the queue, as nothing else does."""
    layer = Layer(load_contexts().find(context).variables(), f"context {context}")
    return replace(found, layers=(layer, *found.layers))


def _of_command(given: Given) -> Variables:
    told = given.told()
    if told.context:
        around = Layer(environment_without(OF_A_CONTEXT), "the environment")
        return _below(Variables(CommandSettings, (around,)), told.context)
    overrides = {"REDIS_URL": given.redis} if given.redis else {}
    found = read_variables(CommandSettings, overrides=overrides)
    files = [read_env_file(Path(name)) for name in reversed(FILES) if Path(name).exists()]
    layers = [Layer(file.texts, str(file.path), file.lines) for file in files]
    return replace(found, layers=(*found.layers, *layers))


def _shown(value: Any, *, secret: bool) -> str:
    if value is None:
        return ""
    if secret or isinstance(value, SecretStr):
        return "***" if value else ""
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, tuple):
        return ",".join(value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return masked(text) if "://" in text else text
