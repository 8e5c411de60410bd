"""Contexts: named queues that a person works with, in a file of the person's own.

Each has what decides which queue it is and where its files are, so that nothing of another queue is mixed in.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs

from emp_core.client.private_file import write_private
from emp_core.domain.values import did_you_mean
from emp_core.errors import Conflict, InvalidInput, Misconfigured, NotFound

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

VARIABLES = {
    "redis": "REDIS_URL",
    "hub": "HUB_WS_URL",
    "token": "HUB_AUTH_TOKEN",
    "key_prefix": "EMP_KEY_PREFIX",
    "artifacts": "ARTIFACTS_URL",
}
"""Field -> the variable that it stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A queue with a name."""

    redis: str = field(repr=False)
    hub: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    key_prefix: str = ""
    artifacts: str = field(default="", repr=False)

    def variables(self) -> dict[str, str]:
        """The variables that name the same queue."""
        return {VARIABLES[name]: text for name, text in asdict(self).items() if text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """All that a person has."""

    path: Path
    all: Mapping[str, Context]
    current: str = ""
    """The one that is used if nothing else names a queue; empty: none."""

    def find(self, name: str) -> Context:
        """One by its name. Raises `NotFound`."""
        if name not in self.all:
            hint = f"emp context list{did_you_mean(name, list(self.all))}"
            raise NotFound("context", name, hint=hint)
        return self.all[name]

    def add(self, name: str, context: Context) -> "Contexts":
        """With one more. Raises `InvalidInput` or `Conflict`."""
        if not NAME.fullmatch(name):
            raise InvalidInput("name", f"must be 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter, not {name!r}")
        if name in self.all:
            raise Conflict(f"there is a context {name} already", hint=f"emp context remove {name}")
        return replace(self, all={**self.all, name: context})

    def use(self, name: str) -> "Contexts":
        """With another current one; an empty name: none. Raises `NotFound`."""
        if name:
            self.find(name)
        return replace(self, current=name)

    def remove(self, name: str) -> "Contexts":
        """Without one. Raises `NotFound`."""
        self.find(name)
        rest = {each: context for each, context in self.all.items() if each != name}
        return replace(self, all=rest, current="" if self.current == name else self.current)

    def save(self) -> None:
        """Write the file whole or not at all, for its owner only: it may hold passwords."""
        content = {"current": self.current, "contexts": {name: asdict(each) for name, each in self.all.items()}}
        write_private(self.path, json.dumps(content, indent=2))


def contexts_path() -> Path:
    """The file of the user who runs this process."""
    return platformdirs.user_config_path("emp") / "contexts.json"


def load_contexts(path: Path | None = None) -> Contexts:
    """Read them; none if there is no file. Raises `Misconfigured` if it cannot be read."""
    path = path or contexts_path()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Contexts(path=path, all={})
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from error
    try:
        return _contexts(path, json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        hint = f"mend {path}, or remove it and add the contexts again: emp context add"
        raise Misconfigured(f"{path} is not a file of contexts: {error}", hint=hint) from error


def _contexts(path: Path, content: Any) -> Contexts:
    found = {str(name): Context(**_texts(each)) for name, each in content["contexts"].items()}
    current = content.get("current", "")
    if current and current not in found:
        raise ValueError(f"the current context {current!r} is not in it")
    return Contexts(path=path, all=found, current=current)


def _texts(fields: Any) -> dict[str, str]:
    if not all(isinstance(value, str) for value in fields.values()):
        raise ValueError("a context holds a value that is not a text")
    return dict(fields)
