"""Everything that a person can set or type has a sentence, and what the pages name exists."""

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from daemons.worker.catalog import models_of
from daemons.worker.connectors.comfyui import ComfyUISettings
from emp_core.env_file import description_of
from emp_core.environment import names_of
from emp_core.settings import RedisSettings, Settings, SettingsModel, variables_of
from tests.generated import PROGRAMS, ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("**/*.md"))]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def fields() -> list[tuple[type[SettingsModel], str]]:
    return [(cls, name) for cls in (*PROGRAMS, *models_of(())) for name in cls.model_fields]


def variables(cls: type[Settings]) -> set[str]:
    return {variable for name, field in cls.model_fields.items() for variable in variables_of(name, field)}


@pytest.mark.parametrize(("cls", "name"), fields())
def test_every_setting_has_a_sentence(cls: type[SettingsModel], name: str) -> None:
    description = description_of(cls, name)
    assert re.fullmatch(r"[`A-Z].*\.", description, re.DOTALL), description


@pytest.mark.parametrize(("cls", "name"), fields())
def test_every_setting_has_a_default_and_where_that_says_nothing_an_example(
    cls: type[SettingsModel], name: str
) -> None:
    field = cls.model_fields[name]
    assert not field.is_required()
    assert field.examples or field.default not in (None, (), {}, PydanticUndefined)


@pytest.mark.parametrize("cls", PROGRAMS)
def test_every_program_knows_every_variable_that_is_only_ours(cls: type[Settings]) -> None:
    ours = {name for program in PROGRAMS for name in variables(program) if name.startswith("EMP_")}
    assert ours <= variables(cls)
    assert ours <= variables(RedisSettings)


def test_page_on_connectors_names_every_variable_of_comfyui() -> None:
    page = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
    assert [name for name in names_of(ComfyUISettings) if f"`{name}`" not in page] == []


def test_the_makefile_has_every_target_that_a_page_names() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"\bmake ([a-z]+)\b", _code(page))}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_resolve(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def _code(page: Path) -> str:
    """What stands in code on a page, in line or in blocks."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(encoding="utf-8"), re.DOTALL))
