"""Nothing grows beyond what one reads in a sitting; an exception stands here with its reason, while it is needed."""

import ast
from collections.abc import Iterator, Mapping

from tests.generated import ROOT

MAX_FILE = 400
MAX_FUNCTION = 40

PACKAGES = ("emp_core", "daemons", "emp_cli")
LONG_FILES: Mapping[str, str] = {}
"""Path -> reason."""

LONG_FUNCTIONS: Mapping[str, str] = {}
"""`path::function` -> reason."""


def sources(*folders: str, suffixes: tuple[str, ...] = (".py",)) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes:
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def functions(source: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_file_is_over_400_lines() -> None:
    found = sources(*PACKAGES, "tests", "benchmarks", suffixes=(".py", ".lua"))
    lengths = {path: len(text.splitlines()) for path, text in found}
    long = {path: lines for path, lines in lengths.items() if lines > MAX_FILE}
    assert set(long) == set(LONG_FILES), long


def test_no_function_is_over_40_lines() -> None:
    found = ((path, name, lines) for path, text in sources(*PACKAGES) for name, lines in functions(text))
    long = {f"{path}::{name}": lines for path, name, lines in found if lines > MAX_FUNCTION}
    assert set(long) == set(LONG_FUNCTIONS), long


def test_the_measure_sees_nested_and_async_functions() -> None:
    source = "class A:\n    async def b(self):\n        def c():\n            pass\n        return c\n"
    assert dict(functions(source)) == {"b": 4, "c": 2}
