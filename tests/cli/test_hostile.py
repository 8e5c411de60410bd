"""Text that comes from jobs and services, through every view: nothing in it acts on a terminal, nothing is markup."""

import json
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emp_core.artifacts import open_artifacts
from emp_core.client.locate import local_files
from emp_core.domain.caller import Caller, Role
from emp_core.domain.outcome import Failure, Result
from emp_core.domain.worker import WorkerState
from emp_core.store import Store, completed, failed
from tests.cli.conftest import Command, Do
from tests.support.builders import register, submit

ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b2J\x90q\x1b\\ \x08\x7f \r over \u202egnp.exe\u2066 \u2028line"
MARKUP = "[bold]b[/bold] [link=http://x]l[/link] :smile: [/]"
HOSTILE = f"{ESCAPES} {MARKUP} =1+1"
ALLOWED = "\n"

VIEWS = [
    ["jobs"],
    ["jobs", "-o", "json"],
    ["jobs", "-o", "jsonl"],
    ["jobs", "-o", "csv"],
    ["jobs", "-o", "ids"],
    ["workers"],
    ["workers", "-o", "json"],
    ["workers", "-o", "csv"],
    ["worker", "gpu1:0"],
    ["summary"],
    ["summary", "-o", "json"],
    ["events"],
    ["events", "-o", "csv"],
    ["audit"],
    ["audit", "-o", "csv"],
    ["audit", "-o", "json"],
    ["job", "runs"],
    ["job", "runs", "-o", "json"],
    ["job", "show", "runs", "--payload"],
    ["job", "logs", "runs"],
    ["job", "events", "runs"],
    ["job", "broken"],
    ["job", "broken", "-o", "csv"],
    ["job", "follow", "broken"],
    ["job", "wait", "broken"],
    ["job", "result", "broken"],
    ["job", "result", "done"],
    ["job", "result", "done", "-o", "table"],
    ["job", "result", "done", "-o", "csv"],
    ["job", "result", "done", "--output-dir", "out"],
    ["explain", "never"],
    ["explain", "never", "-o", "json"],
    ["explain", "--worker", "gpu1:0"],
    ["job", HOSTILE],
    ["job", "wait", "runs", "--timeout", "0.01"],
    ["submit", "--service", HOSTILE],
    ["submit", "--service", "x", "--set", HOSTILE],
    ["submit", "--workflow", HOSTILE.replace("/", "")],
    [HOSTILE],
]


def acts(text: str) -> list[str]:
    """The characters that should not be there."""
    bidi = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
    return [char for char in text if char not in ALLOWED and (unicodedata.category(char) == "Cc" or char in bidi)]


async def fill(store: Store, data_dir: Path) -> None:
    worker = await register(store, gpu_model="RTX [red]4090[/red]", models={"comfyui": [MARKUP]})
    files = open_artifacts(local_files(data_dir), store.files_id)
    await submit(store, id="done", payload={"prompt": HOSTILE})
    claim = await worker.take()
    artifact = await files.put("done", 1, f"../{HOSTILE}.sh", _chunks(), media_type="text/html")
    await worker.settle(completed(claim, Result(data={"text": HOSTILE}, artifacts=(artifact,))))
    await submit(store, id="broken")
    claim = await worker.take()
    await worker.report(claim, lines=(HOSTILE,))
    await worker.settle(failed(claim, Failure(message=HOSTILE, retryable=False, detail={"trace": HOSTILE})))
    await submit(store, id="runs", payload={"prompt": HOSTILE}, job_type=MARKUP)
    claim = await worker.take()
    await worker.report(claim, percent=40, message=f"{MARKUP} {ESCAPES}", lines=(HOSTILE, HOSTILE))
    await submit(
        store,
        id="never",
        labels={"note": MARKUP},
        requirements={"models": [MARKUP, "[red]x"], "custom": {"a[b]": MARKUP}},
    )
    caller = Caller(role=Role.OPERATOR, actor=HOSTILE, request_id=HOSTILE)
    await store.for_caller(caller).registry.steer("gpu1:0", WorkerState.PAUSED, reason=HOSTILE)


async def _chunks() -> AsyncIterator[bytes]:
    yield b"x"


@pytest.fixture
def hostile_queue(do: Do[None], surroundings: Path) -> None:
    do(lambda store: fill(store, surroundings / "data"))


@pytest.mark.usefixtures("hostile_queue")
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: " ".join(view).encode("ascii", "replace").decode()[:40])
def test_nothing_acts_on_the_terminal(emp: Command, view: list[str]) -> None:
    said = emp(*view)
    assert said.out + said.err
    assert acts(said.out) == []
    assert acts(said.err) == []


@pytest.mark.usefixtures("hostile_queue")
def test_markup_and_emoji_codes_are_text(emp: Command) -> None:
    assert MARKUP in emp("job", "logs", "broken").out
    assert MARKUP in emp("job", "broken").out
    assert MARKUP in emp("jobs").out
    assert f"note={MARKUP}" in emp("job", "never").out


@pytest.mark.usefixtures("hostile_queue")
def test_the_json_still_has_every_character(emp: Command) -> None:
    (view,) = json.loads(emp("job", "broken", "-o", "json").out)
    assert view["outcome"]["message"] == HOSTILE


@pytest.mark.usefixtures("hostile_queue")
def test_a_hostile_file_name_stays_in_the_directory_and_is_cleaned(emp: Command, surroundings: Path) -> None:
    emp("job", "result", "done", "--output-dir", "out")
    (saved,) = (path for path in (surroundings / "out").rglob("*") if path.is_file())
    assert saved.name.isprintable()
    assert not [path for path in surroundings.rglob("*.sh") if surroundings / "out" not in path.parents]
