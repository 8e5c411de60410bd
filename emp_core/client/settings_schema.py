"""The JSON Schema of settings: each variable of a program, with its type, its default and what it is for."""

from collections.abc import Mapping
from typing import Any

from emp_core.env_file import description_of
from emp_core.environment import is_secret
from emp_core.settings import SettingsModel, variables_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(programs: Mapping[str, type[SettingsModel]]) -> dict[str, Any]:
    """An object with the variables of each program."""
    return {
        "$schema": DIALECT,
        "title": "Settings of emp",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _program(cls) for name, cls in programs.items()},
    }


def _program(cls: type[SettingsModel]) -> dict[str, Any]:
    whole = cls.model_json_schema(by_alias=False)
    properties = {
        variables_of(name, field, cls.model_config.get("env_prefix", ""))[0]: _field(
            cls, name, whole["properties"][name]
        )
        for name, field in cls.model_fields.items()
    }
    return {"description": cls.__doc__, "type": "object", "additionalProperties": False, "properties": properties}


def _field(cls: type[SettingsModel], name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    field = cls.model_fields[name]
    _, *others = variables_of(name, field, cls.model_config.get("env_prefix", ""))
    also = f" Also read from {', '.join(others)}." if others else ""
    shown = {key: value for key, value in found.items() if key != "title"}
    secret = {"writeOnly": True} if is_secret(field) else {}
    return {"description": " ".join(f"{description_of(cls, name)}{also}".split()), **shown, **secret}
