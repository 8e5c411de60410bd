"""The examples of docs/moving-a-queue.md run as they stand, and say what the page says."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emp_core.client.transfer.importing import read_header
from emp_core.client.transfer.record import line_of, read_line
from tests.cli.conftest import Command, Do
from tests.generated import ROOT
from tests.support.builders import submit
from tests.support.redis_server import Server

PAGE = (ROOT / "docs" / "moving-a-queue.md").read_text(encoding="utf-8")
LIVE, FILE, FORM, PREDECESSOR = re.findall(r"^```(?:json)?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def new(server: Server) -> Iterator[str]:
    started = Server(server.engine)
    yield started.url
    started.close()


def run(block: str, emp: Command, old: str, new: str) -> None:
    """Each command prints the lines that follow it."""
    for part in block.removeprefix("$ emp ").split("\n$ emp "):
        command, _, said = (
            part.rstrip("\n").replace("redis://old:6379", old).replace("redis://new:6379", new).partition("\n")
        )
        answer = emp(*shlex.split(command))
        assert answer.out + answer.err == f"{said}\n", command


def submit_some(do: Do[Any], count: int) -> None:
    async def work(store: Any) -> None:
        for number in range(count):
            parents = ["render-1"] if number == 1 else []
            await submit(store, id=f"render-{number + 1}", depends_on=parents)

    do(work)


def test_live_move(emp: Command, do: Do[Any], server: Server, new: str) -> None:
    submit_some(do, 5)
    run(LIVE, emp, server.url, new)


def test_through_a_file(emp: Command, do: Do[Any], server: Server, new: str, surroundings: Path) -> None:
    submit_some(do, 3)
    run(FILE, emp, server.url, new)
    assert (surroundings / "queue.jsonl").exists()


def test_from_a_predecessor(emp: Command, server: Server, new: str, request: pytest.FixtureRequest) -> None:
    data = json.loads((ROOT / "tests" / "data" / "predecessors" / "emp-redis.json").read_text())
    old = Server(server.engine)
    request.addfinalizer(old.close)
    for name, members in data["zsets"].items():
        old.client.zadd(name, members)
    for name, members in data["lists"].items():
        old.client.rpush(name, *members)
    for name, fields in data["hashes"].items():
        old.client.hset(name, mapping=fields)
    run(PREDECESSOR, emp, old.url, new)


def test_form_of_the_file_is_that_of_the_page() -> None:
    header, line, end = FORM.splitlines()
    assert read_header(header.encode())["count"] == 1
    assert list(line_of(read_line(json.loads(line)))) == list(json.loads(line))
    assert json.loads(end) == {"end": True, "jobs": 1}
