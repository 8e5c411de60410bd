"""`.env` files: read strictly, and written as examples of what can be set."""

import inspect
import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dotenv.parser import Binding, parse_stream
from pydantic.fields import FieldInfo

from emp_core.domain.values import did_you_mean
from emp_core.errors import Misconfigured
from emp_core.settings import Settings, is_used, variables_of

WIDTH = 100


def read_env_file(path: Path, known: Sequence[str]) -> dict[str, str]:
    """The variables of a file, taken literally; raises `Misconfigured` at what nobody would read."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: {_reason(error)}") from None
    return dict(_checked(path, binding, known) for binding in bindings if binding.error or binding.key)


def _checked(path: Path, binding: Binding, known: Sequence[str]) -> tuple[str, str]:
    where = f"{path}, line {_line_number(binding)}"
    if binding.error or binding.key is None or binding.value is None:
        raise Misconfigured(f"{where}: is not NAME=value")
    if binding.key not in known:
        raise Misconfigured(f"{where}: {binding.key} is not a setting{did_you_mean(binding.key, known)}")
    return binding.key, binding.value


def _line_number(binding: Binding) -> int:
    # The parser counts the empty lines before a statement as part of it.
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror or "cannot be read"


def example(cls: type[Settings]) -> str:
    """A file with every variable of a program, all commented out."""
    return "\n".join(_lines(cls))


def _lines(cls: type[Settings]) -> Iterator[str]:
    yield f"# {cls.__doc__}"
    yield from _comment(f"Copy it to {cls.env_file} and uncomment what you change. The environment overrides the file.")
    for group in cls.__mro__:
        names = [name for name in inspect.get_annotations(group) if _home(cls, name) is group]
        if not names:
            continue
        yield ""
        yield ""
        yield f"# --- {inspect.getdoc(group)}"
        for name in names:
            yield ""
            yield from _entry(name, cls.model_fields[name])
    yield ""


def _home(cls: type[Settings], field_name: str) -> type | None:
    """The class that has the last word on a field."""
    if field_name not in cls.model_fields:
        return None
    return next(group for group in cls.__mro__ if field_name in inspect.get_annotations(group))


def _entry(field_name: str, field: FieldInfo) -> Iterator[str]:
    variable, *others = variables_of(field_name, field)
    also = f" Also read from {', '.join(others)}." if others else ""
    unused = "" if is_used(field) else " Not used yet."
    unset = " Example:" if field.examples else ""
    yield from _comment(f"{field.description}{also}{unused}{unset}")
    yield f"# {variable}={_text(field)}"


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in textwrap.wrap(" ".join(text.split()), WIDTH - 2))


def _text(field: FieldInfo) -> str:
    """The default as one writes it, or the example of a variable that has none."""
    value: Any = field.examples[0] if field.examples else field.default
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
