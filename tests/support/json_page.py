"""The page of the docs on the JSON that the command prints, made from the table of its fields."""

from emp_cli.commands.spec import OBJECTS, PRINTS
from emp_core.domain.json_fields import SCHEMA_VERSION, Fields


def json_page() -> str:
    """The text of `docs/json.md`."""
    objects = "\n".join(_object(name, fields) for name, fields in OBJECTS.items())
    return f"{_INTRODUCTION}\n{objects}"


def _object(name: str, fields: Fields) -> str:
    commands = [f"`{command}`" for command, kind in PRINTS.items() if kind == name]
    printed = f"Printed by {', '.join(commands)}.\n\n" if commands else ""
    more = "[The fields of a job](job-fields.md) says more of each.\n\n" if name == "job" else ""
    rows = "\n".join(f"| `{field}` | {help} |" for field, help in fields.items())
    return f"## {name.replace('_', ' ').capitalize()}\n\n{printed}{more}| field | what it is |\n|---|---|\n{rows}\n"


_INTRODUCTION = f"""\
# JSON

Generated from `emp_core/domain/json_fields.py`.

`-o json` prints JSON, `-o jsonl` an object a line, `-o yaml` the same as YAML. A list is an array, also if it has one
object or none; commands about one thing (`emp summary`, `emp explain`, `emp worker show`) print one object. `emp job
result` prints the result as the service made it.

Each object has `schema_version`, now {SCHEMA_VERSION}. It rises when a field is renamed, removed, or means something
else; new fields do not raise it, so a program should ignore fields that it does not know. Times are RFC 3339 in UTC,
durations are in seconds, and what is not known is null.

`--json FIELDS` prints these fields only, and `--json` alone lists them. A dot leads into a field:

    emp jobs --json id,state,labels.batch,requirements.gpu_memory_gb

`emp --spec` prints all commands with their options, exit codes and objects as JSON.
"""
