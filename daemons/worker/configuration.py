"""Reads all that a worker is told: its own settings, then those of the connectors that it is to drive."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemons.worker.catalog import SHIPPED, Factory, find_factory, missing, settings_model
from daemons.worker.connector import Build, Connector
from daemons.worker.settings import WorkerSettings
from emp_core.environment import load_settings, names_of
from emp_core.errors import Misconfigured
from emp_core.settings import SettingsModel, is_used, variables_of

ADDRESS = {"url", "host"}
"""Fields of a connector's settings. If SERVICES is not set, a set address chooses the connector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A connector that the worker is to drive."""

    factory: Factory
    settings: SettingsModel | None
    """None if it has none of its own."""

    def build(self, build: Build) -> Connector:
        """Make it."""
        return self.factory(build) if self.settings is None else self.factory(build, self.settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A worker's settings and its connectors."""

    settings: WorkerSettings
    connectors: Sequence[Chosen]


@dataclass(frozen=True, slots=True)
class _Source:
    environ: Mapping[str, str] | None
    env_file: Path | None
    overrides: Mapping[str, str] | None

    def worker(self) -> WorkerSettings:
        return load_settings(WorkerSettings, self.environ, env_file=self.env_file, overrides=self.overrides)

    def choose(self, name: str) -> Chosen | None:
        """None if no connector has that name."""
        factory = find_factory(name)
        if factory is None:
            return None
        model = settings_model(factory)
        return Chosen(factory=factory, settings=None if model is None else self._read(model))

    def _read(self, model: type[SettingsModel]) -> SettingsModel:
        file, program = self.env_file, WorkerSettings
        return load_settings(model, self.environ, env_file=file, overrides=self.overrides, program=program)


def load_worker(
    environ: Mapping[str, str] | None = None,
    *,
    env_file: Path | None = None,
    overrides: Mapping[str, str] | None = None,
) -> Configuration:
    """Read it, as `load_settings` does. Raises `Misconfigured`, also if no service is left that has a connector."""
    source = _Source(environ, env_file, overrides)
    settings = source.worker()
    names = dict.fromkeys(settings.services) or _addressed(source, settings)
    if not names:
        raise Misconfigured("SERVICES: is not set", hint="emp worker start --services comfyui")
    found = {name: source.choose(name) for name in names}
    chosen = [connector for connector in found.values() if connector is not None]
    lacking = [missing(name) for name, connector in found.items() if connector is None]
    if not chosen:
        raise lacking[0]
    own = [connector.settings for connector in chosen if connector.settings is not None]
    for note in (*(f"{error.message} (the worker goes on without it)" for error in lacking), *_remarks(settings, own)):
        settings.note(note)
    return Configuration(settings=settings, connectors=chosen)


def _addressed(source: _Source, settings: WorkerSettings) -> Iterable[str]:
    """The services whose address is set."""
    chosen = {name: source.choose(name) for name in SHIPPED}
    names = [
        name for name, each in chosen.items() if each and each.settings and ADDRESS & each.settings.model_fields_set
    ]
    return [*names, "a1111"] if settings.a1111_url else names


def _remarks(settings: WorkerSettings, own: Sequence[SettingsModel]) -> Iterable[str]:
    """What was set and is not used."""
    read = names_of(*(type(each) for each in own))
    for name in sorted(settings.model_fields_set):
        field = WorkerSettings.model_fields[name]
        variable = variables_of(name, field)[0]
        if not is_used(field) and variable not in read:
            yield f"{variable} is not used yet: this version of emp does nothing with it"
    for each in own:
        yield from each.notes
