"""Every example of docs/library.md runs, prints what it says, and the page has all methods."""

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from emp_core import AsyncEmp
from emp_core.domain.worker import WorkerState
from tests.cli.conftest import Do, Shell, interrupt
from tests.generated import ROOT
from tests.support.waiting import poll_until

PAGE = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PRINTED = re.compile(r"print\(.*\)  # (.+)$", re.MULTILINE)


def test_examples_run_and_print_what_the_page_says(
    shell: Shell, do: Do[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    with shell.begin("worker", "start", "--services", "simulation", "--id", "sim:0") as process:
        poll_until(lambda: [each.state for each in do(_workers)] == [WorkerState.READY], "the worker is ready")
        capsys.readouterr()
        try:
            for block in BLOCKS:
                exec(compile(block, "docs/library.md", "exec"), names)
                assert_printed(capsys.readouterr().out.splitlines(), PRINTED.findall(block))
        except BaseException:
            names["emp"].close()  # the last but one example does, if all goes well
            raise
        assert interrupt(process).code == 0


def assert_printed(lines: list[str], expected: list[str]) -> None:
    patterns = [re.sub(r"([][?*])", r"[\1]", text).replace("…", "*") for text in expected]
    assert len(lines) == len(patterns), (lines, expected)
    assert all(map(fnmatchcase, lines, patterns)), (lines, expected)


async def _workers(store: Any) -> Any:
    return await store.inspector.workers()


@pytest.mark.parametrize("name", sorted(name for name in vars(AsyncEmp) if not name.startswith("_")))
def test_every_public_method_has_an_example(name: str) -> None:
    assert re.search(rf"\b(emp|AsyncEmp)\.{name}\b", "\n".join(BLOCKS))
