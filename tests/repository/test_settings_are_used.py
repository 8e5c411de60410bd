"""A setting changes something, or its example says "Not used yet."."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemons.hub.settings import HubSettings
from daemons.worker.settings import WorkerSettings
from emp_core.env_file import example
from emp_core.settings import Settings, is_used
from tests.generated import ROOT

PACKAGES = ("emp_core", "daemons", "emp_cli")


def _names_in(path: Path) -> Iterator[str]:
    """What a file reads: attributes, and strings by which an attribute or an entry may be read."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


READ_TO_BE_REFUSED = {"a1111_url"}
"""It chooses a service that has no connector."""


@pytest.mark.parametrize("settings", [HubSettings, WorkerSettings])
def test_settings_that_no_code_reads_are_marked_and_no_others(settings: type[Settings]) -> None:
    read = {name for package in PACKAGES for path in (ROOT / package).rglob("*.py") for name in _names_in(path)}
    unread = {name for name in settings.model_fields if name not in read or name in READ_TO_BE_REFUSED}
    assert unread == {name for name, field in settings.model_fields.items() if not is_used(field)}


def test_example_says_what_is_not_used_yet() -> None:
    text = " ".join(line.removeprefix("# ") for line in example(WorkerSettings).splitlines())
    assert "The page's address. Not used yet." in text
    assert "Not used yet." not in example(HubSettings)
