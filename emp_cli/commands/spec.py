"""`emp --spec`: the whole command as JSON, for programs that drive it."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, get_args

from emp_cli.exits import MEANINGS
from emp_cli.group import loaded
from emp_cli.help_text import EXAMPLES
from emp_cli.output.layout import Format
from emp_core import __version__
from emp_core.domain import json_fields
from emp_core.domain.json_fields import SCHEMA_VERSION

OBJECTS: Mapping[str, json_fields.Fields] = {
    "job": json_fields.JOB,
    "worker": json_fields.WORKER,
    "local_worker": json_fields.LOCAL_WORKER,
    "event": json_fields.EVENT,
    "order": json_fields.ORDER,
    "file": json_fields.ARTIFACT,
    "summary": json_fields.SUMMARY,
    "explanation": json_fields.EXPLANATION,
    "worker_explanation": json_fields.WORKER_EXPLANATION,
    "check": json_fields.CHECK,
    "context": json_fields.CONTEXT,
    "library": json_fields.LIBRARY,
    "setting": json_fields.SETTING,
    "mistake": json_fields.MISTAKE,
}
"""What is printed -> its fields."""

_ORDERS = ("cancel", "retry", "requeue", "hold", "unhold", "priority")

PRINTS: Mapping[str, str] = {
    "emp jobs": "job",
    "emp job show": "job",
    "emp job wait": "job",
    **{f"emp job {verb}": "job" for verb in _ORDERS},
    "emp job events": "event",
    "emp workers": "worker",
    "emp worker show": "worker",
    **{f"emp worker {verb}": "worker" for verb in ("pause", "resume", "drain")},
    "emp worker status": "local_worker",
    "emp events": "event",
    "emp audit": "order",
    "emp summary": "summary",
    "emp explain": "explanation",
    "emp doctor": "check",
    "emp context list": "context",
    "emp context show": "context",
    "emp redis functions": "library",
    "emp config show": "setting",
    "emp config check": "mistake",
}
"""Command -> the kind of its objects; a command that is not listed prints others, or none."""


def spec(root: Any) -> dict[str, Any]:
    """The tree below the root command."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": "emp",
        "version": __version__,
        "formats": [str(each) for each in Format],
        "exit_codes": {str(int(code)): meaning for code, meaning in MEANINGS.items()},
        "objects": {name: dict(fields) for name, fields in OBJECTS.items()},
        "options": [_option(param) for param in root.params if param.param_type_name == "option"],
        "commands": list(_commands(root, "emp")),
    }


def _commands(group: Any, path: str) -> Iterator[dict[str, Any]]:
    for name, deferred in group.commands.items():
        command = loaded(deferred)
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield _command(command, f"{path} {name}")


def _command(command: Any, path: str) -> dict[str, Any]:
    text, _, examples = (command.help or "").partition(EXAMPLES)
    return {
        "command": path,
        "help": text.strip(),
        "examples": examples.split("\n") if examples else [],
        "arguments": [_argument(param) for param in command.params if param.param_type_name == "argument"],
        "options": [
            _option(param) for param in command.params if param.param_type_name == "option" and not param.hidden
        ],
        "prints": PRINTS.get(path),
    }


def _choices(annotation: Any) -> list[str] | None:
    """The values of an enumeration, also of one in a list or an optional one."""
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            return [str(each) for each in kind]
    return None


def _argument(param: Any) -> dict[str, Any]:
    return {
        "name": param.metavar or param.name.upper(),
        "help": param.help,
        "required": param.required,
        "repeats": param.nargs == -1,
    }


def _option(param: Any) -> dict[str, Any]:
    default = param.default
    return {
        "names": [*param.opts, *param.secondary_opts],
        "help": param.help,
        "takes": param.metavar or None,
        "choices": _choices(param.type_descriptor.annotation),
        "default": default if isinstance(default, str | int | float | bool) else None,
        "repeats": bool(param.multiple),
    }
