"""`.env` files: read strictly, and written as examples of what can be set."""

import ast
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from dotenv.parser import Binding, parse_stream
from pydantic.fields import FieldInfo

from emp_core.errors import Misconfigured
from emp_core.settings import Settings, SettingsModel, is_used, variables_of
from emp_core.variables import Mistake, not_a_setting

WIDTH = 100

KnownNames = Callable[[Mapping[str, str]], Sequence[str] | None]
"""Given a file's variables, the names that may stand in it; None: any may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFile:
    """A file, taken literally."""

    path: Path
    bindings: Sequence[tuple[int, str, str]]
    """Line, name and text of each."""

    @property
    def texts(self) -> dict[str, str]:
        """Name -> text; of several lines with one name the last counts."""
        return {name: text for _, name, text in self.bindings}

    @property
    def lines(self) -> dict[str, int]:
        """Name -> the line that counts."""
        return {name: line for line, name, _ in self.bindings}

    def unknown(self, known: KnownNames) -> list[Mistake]:
        """The names that no program reads."""
        names = known(self.texts)
        return [
            Mistake(place=f"{self.path}, line {line}", name=name, problem=not_a_setting(name, names))
            for line, name, _ in self.bindings
            if names is not None and name not in names
        ]


def read_env_file(path: Path) -> EnvFile:
    """The variables of a file. Raises `Misconfigured` if it cannot be read, or a line is not NAME=value."""
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path}: {_reason(error)}") from None
    found = [(binding, *_pair(path, binding)) for binding in bindings if binding.error or binding.key]
    return EnvFile(path=path, bindings=[(_line_number(binding), name, text) for binding, name, text in found])


def _pair(path: Path, binding: Binding) -> tuple[str, str]:
    if binding.error or binding.key is None or binding.value is None:
        raise Misconfigured(f"{path}, line {_line_number(binding)}: is not NAME=value")
    return binding.key, binding.value


def _line_number(binding: Binding) -> int:
    # The parser counts the empty lines before a statement as part of it.
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror or "cannot be read"


def example(cls: type[Settings], *more: type[SettingsModel]) -> str:
    """A file with every variable of a program, and of what it brings along, all commented out."""
    return "\n".join([*_head(cls), *(line for each in (cls, *more) for line in _lines(each)), ""])


def variables_page(cls: type[SettingsModel]) -> str:
    """The variables of a model, each with what it is for."""
    return "\n".join(_lines(cls)).strip()


def _head(cls: type[Settings]) -> Iterator[str]:
    yield f"# {cls.__doc__}"
    yield from _comment(f"Copy it to {cls.env_file} and uncomment what you change. The environment overrides the file.")


def _lines(cls: type[SettingsModel]) -> Iterator[str]:
    for group in cls.__mro__:
        names = [name for name in inspect.get_annotations(group) if _home(cls, name) is group]
        if not names:
            continue
        yield ""
        yield ""
        yield f"# --- {inspect.getdoc(group)}"
        for name in names:
            yield ""
            yield from _entry(cls, name)


def _home(cls: type[SettingsModel], field_name: str) -> type | None:
    """The class that has the last word on a field."""
    if field_name not in cls.model_fields:
        return None
    return next(group for group in cls.__mro__ if field_name in inspect.get_annotations(group))


def description_of(cls: type[SettingsModel], field_name: str) -> str:
    """The text under a field in its class. Pydantic can collect these too, but reads the sources at each start."""
    home = _home(cls, field_name)
    assert home is not None
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(home))).body
    assert isinstance(definition, ast.ClassDef)
    for field, text in pairwise(definition.body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as description)),
            ) if name == field_name:
                return inspect.cleandoc(description)
    return ""


def _entry(cls: type[SettingsModel], field_name: str) -> Iterator[str]:
    field = cls.model_fields[field_name]
    variable, *others = variables_of(field_name, field, cls.model_config.get("env_prefix", ""))
    also = f" Also read from {', '.join(others)}." if others else ""
    unused = "" if is_used(field) else " Not used yet."
    unset = " Example:" if field.examples else ""
    yield from _comment(f"{description_of(cls, field_name)}{also}{unused}{unset}")
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
