"""The table of keys names every key that the code names, and says truly who writes it."""

import re

import pytest

from emp_core.store.connection import DEFAULT_PREFIX
from emp_core.store.keys import KEYS, row_of
from tests.generated import ROOT
from tests.support.key_scan import literals, lua_files, python_files, python_literals, rows_of, writers
from tests.support.redis_data import redis_data_page

MAY_NAME_THE_PREFIX = {"emp_core/store/connection.py", "emp_core/settings.py", "emp_core/checks.py"}
"""Its default, and the variable that changes it."""


def test_every_key_that_a_script_names_is_in_the_table() -> None:
    unknown = [(path, name) for path, text in lua_files().items() for name in literals(text) if not rows_of(name)]
    assert unknown == []


def test_every_key_that_the_store_names_is_in_the_table() -> None:
    named = {path: python_literals(text) for path, text in python_files().items()}
    assert [(path, name) for path, names in named.items() for name in names if not rows_of(name)] == []
    assert len(named["inspector.py"]) > 10


def test_every_key_of_the_table_is_written_by_somebody() -> None:
    assert [row for row, names in writers().items() if not names] == []


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ("tick", ["retry_job", "submit_jobs"]),
        ("limits", ["set_limit"]),
        ("job.gone:{job}", ["delete_jobs"]),
        ("progress", ["report_progress"]),
        ("wake:{waiter}", ["registry.py"]),
        ("held", ["hold_job"]),
        ("job.payload:{job}", ["delete_jobs", "submit_jobs"]),
    ],
)
def test_the_writers_are_found(row: str, names: list[str]) -> None:
    assert set(names) <= set(writers()[row])


def test_readers_are_not_taken_for_writers() -> None:
    assert set(writers()["job.payload:{job}"]) == {
        "delete_jobs",
        "forget_moved",
        "import_jobs",
        "repair_job",
        "submit_jobs",
    }
    assert "inspector.py" not in {name for names in writers().values() for name in names}


def test_no_name_can_be_anothers() -> None:
    for row in KEYS:
        example = row.literal + "x" if row.owner else row.name
        assert row_of(example) is row


def test_no_other_file_knows_the_prefix() -> None:
    files = [path for folder in ("emp_core", "daemons", "emp_cli") for path in (ROOT / folder).rglob("*.*")]
    found = [path for path in files if path.suffix in (".py", ".lua")]
    knowing = {str(path.relative_to(ROOT)) for path in found if _names(path.read_text(encoding="utf-8"))}
    assert knowing == MAY_NAME_THE_PREFIX


def _names(text: str) -> bool:
    """In a string; a sentence of the docs may show it."""
    return re.search(rf"[\"'][^\"'\n]*{re.escape(DEFAULT_PREFIX)}", text) is not None


def test_the_page_has_a_line_for_each_key() -> None:
    page = redis_data_page()
    assert all(f"| `{row.name}` | {row.type} |" in page for row in KEYS)
