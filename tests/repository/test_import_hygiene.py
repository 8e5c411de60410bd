"""What is imported when: the commands that people wait for most pay for nothing that they do not use."""

import subprocess
import sys
import time
from importlib import import_module

import pytest

from emp_core.store import Store
from tests.generated import ROOT
from tests.support.builders import submit
from tests.support.redis_server import Server

HEAVY = ("redis", "textual", "fastapi", "uvicorn", "httpx", "pydantic", "obstore", "anyio", "asyncio", "lark", "rich")

NOT_ON_WINDOWS = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty", "uvloop")
STARTS_SERVERS = ("emp_cli.__main__", "emp_cli.local.demonstration")


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded, and their packages."""
    program = f"import atexit, sys\natexit.register(lambda: sys.stderr.write(' '.join(sys.modules)))\n{code}"
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    names = answer.stderr.split()
    return {*names, *(name.partition(".")[0] for name in names)}


def modules_of(*arguments: str) -> set[str]:
    """The modules that a run of the command has loaded."""
    return modules_after(f"sys.argv = ['emp', *{arguments}]\nfrom emp_cli.main import run; run()")


def test_the_tree_of_commands_loads_nothing_heavy() -> None:
    assert modules_after("import emp_cli.app").isdisjoint(HEAVY)


def test_version_loads_not_even_the_tree() -> None:
    assert modules_of("--version").isdisjoint({*HEAVY, "typer"})


@pytest.mark.parametrize("arguments", [["--help"], ["-h"]])
def test_help_loads_not_even_the_tree(arguments: list[str]) -> None:
    assert modules_of(*arguments).isdisjoint({*HEAVY, "typer"})


def test_help_of_a_command_loads_no_other() -> None:
    loaded = modules_of("jobs", "--help")
    assert loaded.isdisjoint({*HEAVY, "daemons"})
    assert {name for name in loaded if name.startswith("emp_cli.commands.")} == {"emp_cli.commands.jobs"}


def test_completion_of_a_command_loads_no_other() -> None:
    shell = {"_EMP_COMPLETE": "complete_bash", "COMP_WORDS": "emp jobs --unw", "COMP_CWORD": "2"}
    loaded = modules_after(f"import os; os.environ.update({shell})\nfrom emp_cli.main import run; run()")
    assert loaded.isdisjoint(HEAVY)
    assert {name for name in loaded if name.startswith("emp_cli.commands.")} == {"emp_cli.commands.jobs"}


def test_command_that_reads_the_queue_loads_no_daemon_and_no_file_store() -> None:
    code = "import emp_cli.surroundings, emp_core.client.async_emp"
    assert modules_after(code).isdisjoint(
        {"daemons", "fastapi", "uvicorn", "textual", "typer", "obstore", "httpx", "pydantic", "rich", "lark"}
    )


UNREAD = ("broker", "registry", "transfers", "upkeep", "previews")
"""Parts of the store that the commands that only read do not need."""


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("jobs", {"emp_core.domain.explain", "emp_core.domain.standing"}),
        ("summary", {"emp_core.domain.filter.fields", "emp_core.store.search", "emp_cli.output.columns"}),
        ("job show ID", {"emp_core.domain.filter.fields", "emp_core.store.search", "emp_core.domain.standing"}),
    ],
)
async def test_command_that_reads_loads_what_it_shows_and_no_more(
    store: Store, server: Server, monkeypatch: pytest.MonkeyPatch, command: str, unneeded: set[str]
) -> None:
    job = await submit(store)
    monkeypatch.setenv("REDIS_URL", server.url)
    loaded = modules_of(*command.replace("ID", job).split())
    assert "emp_core.store.inspector" in loaded
    assert loaded.isdisjoint({"daemons", "pydantic", "rich", "lark", "obstore", "httpx", "yaml"})
    assert loaded.isdisjoint({*unneeded, *(f"emp_core.store.{name}" for name in UNREAD)})


@pytest.mark.parametrize("module", ["emp_core", "emp_core.store", "emp_core.client.queue", "emp_core.domain.filter"])
def test_every_name_that_is_imported_on_demand_is_found(module: str) -> None:
    offering = import_module(module)
    assert [name for name in offering.__all__ if not hasattr(offering, name)] == []
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = offering.nothing


def test_help_searches_for_no_garbage_while_modules_load() -> None:
    program = """
import atexit, gc, sys
def searches(): return sum(each["collections"] for each in gc.get_stats())
sys.argv = ["emp", "jobs", "--help"]
from emp_cli.main import run
before = searches()
atexit.register(lambda: sys.stderr.write(str(searches() - before)))
run()
"""
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(answer.stderr) <= 2


def test_command_that_ends_leaves_nothing_to_search_for_garbage() -> None:
    program = """
import atexit, gc, sys
atexit.register(lambda: sys.stderr.write(f"{gc.get_freeze_count()} {len(gc.get_objects())}"))
sys.argv = ["emp", "jobs", "--help"]
from emp_cli.main import run
run()
"""
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    frozen, searched = map(int, answer.stderr.split())
    assert searched < frozen / 100


def test_the_filter_language_loads_its_parser_only_for_the_first_filter() -> None:
    assert "lark" not in modules_after("from emp_core.domain.filter import parse; parse(' ')")
    assert "lark" in modules_after("from emp_core.domain.filter import parse; parse('age>1s')")


@pytest.mark.parametrize("name", ["Emp", "AsyncEmp"])
def test_the_clients_are_exported_and_loaded_only_when_asked_for(name: str) -> None:
    assert "redis" not in modules_after("import emp_core")
    assert "redis" in modules_after(f"from emp_core import {name}")


def test_the_version_is_printed_in_time() -> None:
    """Shown, not asserted: how fast it is depends on the machine."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "emp_cli", "--version"], cwd=ROOT, capture_output=True, check=True)
    sys.stderr.write(f"emp --version: {(time.perf_counter() - began) * 1000:.0f} ms\n")


def test_a_client_imports_no_module_that_windows_lacks() -> None:
    """Only what starts servers may: the hub, the worker and the demonstration."""
    program = f"""
import asyncio, importlib, pkgutil, sys
sys.modules.update(dict.fromkeys({NOT_ON_WINDOWS}))
import emp_core, emp_cli
for package in (emp_core, emp_cli):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name not in {STARTS_SERVERS}:
            importlib.import_module(module.name)
from emp_core import AsyncEmp, Emp
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
