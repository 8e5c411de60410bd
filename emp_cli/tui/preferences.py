"""What a person chose and keeps: filters with names, columns, the theme. A file of the user's own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs

from emp_core.client.private_file import write_private
from emp_core.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """All that is kept. Each change is a new one, to be saved."""

    path: Path
    filters: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name -> filter."""

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """Screen -> the names of its columns."""

    theme: str = ""

    def with_filter(self, name: str, text: str) -> "Preferences":
        """With one more filter, or another under that name."""
        return replace(self, filters={**self.filters, name: text})

    def without_filter(self, name: str) -> "Preferences":
        """Without a filter."""
        return replace(self, filters={each: text for each, text in self.filters.items() if each != name})

    def with_columns(self, screen: str, names: Sequence[str]) -> "Preferences":
        """With the columns of a screen; none: the usual ones."""
        others = {each: columns for each, columns in self.columns.items() if each != screen}
        return replace(self, columns={**others, screen: tuple(names)} if names else others)

    def save(self) -> None:
        """Write the file. Raises `Misconfigured` if it cannot be written."""
        content = {"filters": dict(self.filters), "columns": dict(self.columns), "theme": self.theme}
        try:
            write_private(self.path, json.dumps(content, indent=2))
        except OSError as error:
            raise Misconfigured(f"{self.path} cannot be written: {error}") from error


def preferences_path() -> Path:
    """The file of the user who runs this process."""
    return platformdirs.user_config_path("emp") / "dashboard.json"


def load_preferences(path: Path) -> Preferences:
    """Read them; the usual ones if there is no file. Raises `Misconfigured` if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Preferences(path=path)
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from error
    try:
        content = json.loads(text)
        return Preferences(
            path=path,
            filters={_text(name): _text(filter_) for name, filter_ in content["filters"].items()},
            columns={_text(name): tuple(map(_text, names)) for name, names in content["columns"].items()},
            theme=_text(content["theme"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        hint = f"mend {path}, or remove it"
        raise Misconfigured(f"{path} is not a file of the dashboard: {error!r}", hint=hint) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
