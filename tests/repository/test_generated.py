"""What is made from code, or from other files, is what they would make now."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from emp_core.env_file import example
from emp_core.environment import load_settings
from emp_core.settings import Settings
from tests.generated import GENERATED, PROGRAMS, ROOT

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_file_is_current(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATED[name](), "run `make generated`"


@pytest.mark.parametrize("cls", PROGRAMS)
def test_every_line_of_an_example_works_when_uncommented(cls: type[Settings], tmp_path: Path) -> None:
    lines = example(cls).splitlines()
    variables = [line.removeprefix("# ") for line in lines if re.match(r"# [A-Z0-9_]+=", line)]
    env_file = tmp_path / "example.env"
    env_file.write_text("\n".join(variables))
    load_settings(cls, {}, env_file=env_file)
    assert len(variables) == len(cls.model_fields)


def _pins(lock: str) -> dict[str, str]:
    return dict(PINNED.findall((ROOT / lock).read_text(encoding="utf-8")))


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = _project()
    wanted = [
        (Requirement(text), lock)
        for lock, texts in (
            ("requirements.lock", project["project"]["dependencies"]),
            ("requirements-dev.lock", project["project"]["dependencies"] + project["dependency-groups"]["dev"]),
        )
        for text in texts
    ]
    wrong = [
        f"{lock}: {wish}"
        for wish, lock in wanted
        if not wish.specifier.contains(_pins(lock).get(canonicalize_name(wish.name), "0"), prereleases=True)
    ]
    assert wrong == [], "run `make lock`"


def test_programs_and_tests_are_locked_to_the_same_versions() -> None:
    assert _pins("requirements.lock").items() <= _pins("requirements-dev.lock").items()


def test_every_locked_version_has_its_hash_and_no_address() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        assert "://" not in text
        assert len(re.findall(r"==[^\n]*\\\n    --hash=", text)) == len(_pins(lock))
