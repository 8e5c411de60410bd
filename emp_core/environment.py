"""How variables become settings, and how a mistake in them is told: one line, with the variable's name.

The command line wins over the environment, the environment over the `.env` file. An empty value counts as not set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from emp_core.env_file import read_env_file
from emp_core.errors import Misconfigured
from emp_core.settings import Hidden, Settings, SettingsModel, variables_of
from emp_core.urls import masked
from emp_core.variables import OF_THE_COMMAND, Mistake, environment, is_link, printable, unknown_names

S = TypeVar("S", bound=SettingsModel)


@dataclass(frozen=True, slots=True)
class Layer:
    """Variables from one place."""

    texts: Mapping[str, str]
    source: str
    """What the place is called."""

    lines: Mapping[str, int] = field(default_factory=dict[str, int])
    """Of a file: the line of each variable."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The variable that gave a field its value."""

    variable: str
    text: str
    source: str
    """`.env.hub, line 3`, `the environment`."""

    in_file: bool


@dataclass(frozen=True, slots=True)
class Variables:
    """Layers of variables, the first of which wins, as the fields of a settings class."""

    cls: type[SettingsModel]
    layers: Sequence[Layer]
    unknown: Sequence[Mistake] = ()
    """Names in the layers that nobody would read."""

    links: Mapping[str, str] = field(default_factory=dict[str, str])
    """What Kubernetes says of services, which is no setting."""

    def origin(self, field_name: str) -> Origin | None:
        """Where a field's value comes from, if it is set."""
        names = variables_of(field_name, self.cls.model_fields[field_name], _prefix(self.cls))
        found = (_origin(name, layer) for layer in self.layers for name in names if layer.texts.get(name, "").strip())
        return next(found, None)

    def fields(self) -> dict[str, Any]:
        """The text of each field that is set."""
        origins = ((name, self.origin(name)) for name in self.cls.model_fields)
        return {name: origin.text for name, origin in origins if origin}

    def mistakes(self) -> list[Mistake]:
        """All names that nobody would read, and all values that cannot be."""
        try:
            self.cls(**self.fields())
        except ValidationError as error:
            # A default that follows from a wrong value is no mistake of its own.
            wrong = [each for each in error.errors(include_url=False) if each["type"] != "default_factory_not_called"]
            return [*self.unknown, *(_mistake(self, each) for each in wrong)]
        return list(self.unknown)


def _origin(name: str, layer: Layer) -> Origin:
    line = layer.lines.get(name)
    source = layer.source if line is None else f"{layer.source}, line {line}"
    return Origin(name, layer.texts[name], source, line is not None)


def load_settings(
    cls: type[S],
    environ: Mapping[str, str] | None = None,
    *,
    env_file: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    program: type[Settings] | None = None,
    strict: bool = True,
) -> S:
    """Read a program's settings; raises `Misconfigured`.

    `environ` is the process's own unless given. Without `env_file` the class's own file counts where the working
    directory has one, or that of `program`, for who wants to know what another program is told. `overrides` are
    variables that the command line sets. `strict` refuses unknown `EMP_` names; a library leaves its host's alone.
    """
    variables = read_variables(cls, environ, env_file=env_file, overrides=overrides, program=program, strict=strict)
    if variables.unknown:
        raise Misconfigured(variables.unknown[0].text())
    settings = _build(cls, variables)
    for name, text in variables.links.items():
        settings.note(f"{name} not used: {text} is a Kubernetes service link")
    return settings


def read_variables(
    cls: type[SettingsModel],
    environ: Mapping[str, str] | None = None,
    *,
    env_file: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    program: type[Settings] | None = None,
    strict: bool = True,
) -> Variables:
    """What `load_settings` reads, with the place of each value. Raises `Misconfigured` if a file cannot be read."""
    environ = environment() if environ is None else environ
    unknown = unknown_names(environ, (*names_of(cls, program or cls), *OF_THE_COMMAND)) if strict else []
    links = {name: environ[name] for name in names_of(cls) if is_link(name, environ.get(name, ""))}
    given = Layer(overrides or {}, "the command line")
    around = Layer({name: text for name, text in environ.items() if name not in links}, "the environment")

    def known_in_file(texts: Mapping[str, str]) -> Sequence[str] | None:
        everything = {**texts, **around.texts, **given.texts}
        models = (program or cls).neighbours(everything, imports=program is None)
        return None if models is None else names_of(cls, program or cls, *models)

    path = env_file or _own_file(program or cls)
    if path is None:
        return Variables(cls, (given, around), unknown, links)
    file = read_env_file(path)
    layers = (given, around, Layer(file.texts, str(path), file.lines))
    return Variables(cls, layers, [*unknown, *file.unknown(known_in_file)], links)


def names_of(*models: type[SettingsModel]) -> tuple[str, ...]:
    """Every variable that is read for these classes."""
    return tuple(
        variable
        for model in models
        for name, field in model.model_fields.items()
        for variable in variables_of(name, field, _prefix(model))
    )


def _prefix(cls: type[SettingsModel]) -> str:
    return cls.model_config.get("env_prefix", "")


def _own_file(program: type[SettingsModel]) -> Path | None:
    return program.env_file if program.env_file is not None and program.env_file.exists() else None


def _build(cls: type[S], variables: Variables) -> S:
    try:
        return cls(**variables.fields())
    except ValidationError as error:
        raise Misconfigured(_mistake(variables, error.errors(include_url=False)[0]).text()) from None


def is_secret(field: FieldInfo) -> bool:
    """Whether a field's value is not shown."""
    return SecretStr in get_args(field.annotation) or any(isinstance(mark, Hidden) for mark in field.metadata)


def _mistake(variables: Variables, error: ErrorDetails) -> Mistake:
    field_name = str(error["loc"][0]) if error["loc"] else ""
    origin = variables.origin(field_name) if field_name else None
    if origin is None:
        return Mistake(place="", name="", problem=_allowed(error))
    shown = "***" if is_secret(variables.cls.model_fields[field_name]) else printable(masked(origin.text))
    place = origin.source if origin.in_file else ""
    return Mistake(place=place, name=origin.variable, problem=_allowed(error), shown=shown)


def _allowed(error: ErrorDetails) -> str:
    match error["type"]:
        case "value_error":
            return str(error["ctx"]["error"])
        case "int_parsing" | "int_parsing_size" | "int_from_float":
            return "must be a whole number"
        case "float_parsing":
            return "must be a number"
        case "bool_parsing":
            return "must be true or false"
        case "dict_type":
            return "must be a JSON object"
        case _:
            return error["msg"].replace("Input should be", "must be")
