"""`--watch`: what is drawn, what is appended, and what happens while the queue does not answer."""

import json
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from emp_cli.local.roster import WORKER, Roster, this_process
from emp_cli.output import terminal
from emp_cli.output.layout import Format, Layout
from emp_cli.output.watching import Look, Watch
from emp_core.errors import QueueUnavailable
from tests.cli.conftest import Command, Do
from tests.support.builders import register, submit

NOON = 1_767_268_800_000

Seen = Sequence[Any]


class Enough(Exception):
    """Ctrl-C, for a test."""


def looks(*seen: Look | Exception) -> Callable[[], Awaitable[Look]]:
    """Answers these, one after another."""
    left = [*seen, Enough()]

    async def look() -> Look:
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return look


def look_at(*names: str, unread: int = 0, now: int = NOON) -> Look:
    def write() -> None:
        for name in ("JOB", *names):
            terminal.data(name)

    return Look(now=now, views={name: {"id": name} for name in names}, write=write, unread=unread)


async def watched(output: Format, *seen: Look | Exception) -> None:
    with pytest.raises(Enough):
        await Watch(title="emp jobs --watch", seconds=0, layout=Layout(output)).run(looks(*seen))


async def test_json_lines_are_what_is_new_or_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    await watched(Format.JSONL, look_at("a"), look_at("a", "b"), look_at("b"), look_at("a", "b"))
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["a", "b", "a"]


async def test_without_a_terminal_a_table_is_appended_if_it_changed(capsys: pytest.CaptureFixture[str]) -> None:
    await watched(Format.TABLE, look_at("a"), look_at("a", now=NOON + 2_000), look_at("a", "b", unread=39))
    said = capsys.readouterr()
    assert said.out.splitlines() == ["JOB", "a", "JOB", "a", "b"]
    clocks = said.err.splitlines()
    assert len(clocks) == 2
    assert re.fullmatch(r"\d\d:00:00 \S+", clocks[0])
    assert clocks[1].endswith(", +39 more")


async def test_while_the_queue_does_not_answer_the_last_picture_stays_and_its_age_is_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    away = QueueUnavailable("redis_unavailable", "cannot reach Redis")
    await watched(Format.JSONL, look_at("a"), away, away, look_at("b"))
    said = capsys.readouterr()
    assert [json.loads(line)["id"] for line in said.out.splitlines()] == ["a", "b"]
    told, healed = said.err.splitlines()
    assert re.fullmatch(r"stale \S+: cannot reach Redis", told)
    assert healed.endswith("the queue answers again")


async def test_a_queue_that_never_answered_is_the_commands_error() -> None:
    away = QueueUnavailable("redis_unavailable", "cannot reach Redis")
    with pytest.raises(QueueUnavailable):
        await Watch(title="", seconds=0, layout=Layout(Format.JSONL)).run(looks(away))


def test_picture_names_the_command_the_clock_and_how_many_rows_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "10")
    terminal.use_color(terminal.Color.NEVER)
    names = [f"job{number}" for number in range(20)]
    picture = Watch(title="emp jobs --watch", seconds=2, layout=Layout())._picture(look_at(*names, unread=100), "")
    lines = picture.plain.splitlines()
    assert lines[0].startswith("emp jobs --watch")
    assert lines[0].endswith("every 2 s")
    assert lines[1:3] == ["", "JOB"]
    shown = [line for line in lines if line.startswith("job")]
    assert lines[-1] == f"+{120 - len(shown)} more"
    assert len(lines) <= terminal.stdout().height


@pytest.fixture
def one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch ends after its first look, which it writes."""

    async def run(self: Watch, look: Callable[[], Awaitable[Look]]) -> None:
        seen = await look()
        seen.write()
        terminal.note(f"watched {', '.join(seen.views)}")

    monkeypatch.setattr(Watch, "run", run)


@pytest.mark.usefixtures("one_look")
def test_watch_of_jobs_shows_their_details(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="abcd1"))
    do(lambda store: submit(store, id="efgh2"))
    said = emp("job", "show", "abcd", "efgh", "--watch")
    assert (said.code, said.err) == (0, "watched abcd1, efgh2\n")
    assert "abcd1" in said.lines[0]
    assert json.loads(emp("job", "abcd", "--watch", "-o", "jsonl").out)["id"] == "abcd1"


@pytest.mark.usefixtures("one_look")
def test_watch_of_the_audit_shows_the_newest_order_first(emp: Command) -> None:
    assert emp("submit", "--service", "a", "--id", "one").code == 0
    assert emp("job", "hold", "one").code == 0
    assert emp("job", "unhold", "one").code == 0
    said = emp("audit", "--watch", "--columns", "order", "--no-headers")
    assert said.lines == ["unhold", "hold"]
    assert emp("audit", "--watch", "--until", "1h").code == 2


@pytest.mark.usefixtures("one_look")
def test_watch_of_an_explanation_of_a_job_or_a_worker(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, "gpu1:0"))
    do(lambda store: submit(store, id="large", requirements={"gpu_memory_gb": 80}))
    said = emp("explain", "large", "--watch")
    assert (said.lines[0], said.err) == ("job large is pending, can start: never", "watched large\n")
    assert emp("explain", "--worker", "gpu1", "--watch").err == "watched gpu1:0\n"
    assert emp("explain", "large", "-o", "json", "--watch").code == 0


@pytest.mark.usefixtures("one_look")
def test_watch_of_the_workers_of_this_machine(emp: Command) -> None:
    with Roster(Path(os.environ["EMP_DATA_DIR"]), WORKER).announced(this_process(WORKER, "render")):
        said = emp("worker", "status", "--watch")
    assert (said.code, said.err) == (0, "watched render\n")
    assert said.lines[1].startswith("render  running")
