"""Text that comes from jobs and services, through every view: nothing in it acts on a terminal, nothing is markup."""

import json
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import pytest

from emp_cli.local.roster import WORKER, this_process
from emp_cli.output import terminal
from emp_cli.output.clean import one_line
from emp_cli.output.layout import Layout
from emp_cli.output.watching import Look, Watch
from emp_core.artifacts import open_artifacts
from emp_core.client.contexts import Context, load_contexts
from emp_core.client.locate import local_files
from emp_core.domain.caller import Caller, Role
from emp_core.domain.outcome import Failure, Result
from emp_core.domain.worker import WorkerState
from emp_core.store import Store, completed, failed
from tests.cli.conftest import Command, Do
from tests.cli.test_read_only import LEAVES
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
    ["jobs", "-o", "wide"],
    ["jobs", "-o", "yaml"],
    ["jobs", "--columns", "job,labels,requirements,message,error,job_type"],
    ["jobs", "--sort", HOSTILE],
    ["jobs", "--where", HOSTILE],
    ["workers", "-o", "wide"],
    ["workers", "-o", "yaml"],
    ["workers", "--columns", "worker,capabilities,outages,reason"],
    ["events", "-o", "yaml"],
    ["audit", "-o", "wide"],
    ["summary", "-o", "yaml"],
    ["job", "cancel", "never", "--dry-run"],
    ["job", "retry", "done", "-m", HOSTILE],
    ["job", "requeue", "runs"],
    ["job", "hold", "never", "-o", "wide"],
    ["job", "unhold", HOSTILE],
    ["job", "priority", "never", "7"],
    ["job", "delete", "broken", "--dry-run"],
    ["explain", "never", "-o", "yaml"],
    ["explain", "down"],
    ["explain", "--worker", "gpu1:0", "-o", "yaml"],
    ["explain", "--worker", "gpu2:0"],
    ["worker", "gpu2:0"],
    ["worker", "pause", "gpu1:0", "-m", HOSTILE],
    ["worker", "resume", HOSTILE],
    ["worker", "drain", "gpu2:0", "-o", "wide"],
    ["worker", "diff", "gpu1:0", "gpu2:0"],
    ["worker", "diff", "gpu1:0", "gpu2:0", "-o", "yaml"],
    ["worker", "status"],
    ["worker", "status", "-o", "yaml"],
    ["worker", "status", "-o", "wide"],
    ["worker", "logs", "sim"],
    ["worker", "logs", HOSTILE],
    ["hub", "logs", "3001"],
    ["hub", "status"],
    ["doctor"],
    ["doctor", "-o", "csv"],
    ["export"],
    ["import", "hostile.jsonl"],
    ["import", "--dry-run", HOSTILE],
    ["context", "list"],
    ["context", "show", "bad"],
    ["context", "show", HOSTILE],
    ["context", "use", HOSTILE],
    ["context", "remove", HOSTILE],
    ["context", "add", HOSTILE, "--redis", "redis://127.0.0.1:1/0"],
    ["config", "show", HOSTILE],
    ["help", HOSTILE],
]

NO_TEXT_OF_OTHERS = {
    "worker start", "worker stop", "worker restart", "hub start", "hub stop", "hub restart", "demo",
    "config check", "config schema", "completion", "dashboard", "redis functions",
}  # fmt: skip
"""Commands that show nothing that comes from jobs, services or logs. Settings and dashboard have tests of their own."""


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
        payload={"prompt": HOSTILE},
        labels={"note": MARKUP},
        requirements={"models": [MARKUP, "[red]x"], "custom": {"a[b]": MARKUP}},
    )
    down = f"comfyui=down\ncomfyui 1767225600000 {HOSTILE}"
    await register(store, "gpu2:0", machine="gpu2", probed=down)
    await submit(store, id="down", requirements={"models": [MARKUP]})
    caller = Caller(role=Role.OPERATOR, actor=HOSTILE, request_id=HOSTILE)
    await store.for_caller(caller).registry.steer("gpu1:0", WorkerState.PAUSED, reason=HOSTILE)


def fill_machine(directory: Path) -> None:
    """Logs, a worker's entry, contexts and a file of jobs, as hostile as the jobs."""
    for name in ("worker/sim.log", "hub/3001.log"):
        path = directory / "data" / name
        path.parent.mkdir(parents=True)
        path.write_text(f"first {HOSTILE}\n{HOSTILE}\n", encoding="utf-8")
    entry = this_process(WORKER, HOSTILE, log=HOSTILE, arguments=(HOSTILE,))
    (directory / "data" / "worker" / "1.json").write_text(json.dumps(asdict(entry)), encoding="utf-8")
    contexts = load_contexts().add("bad", Context(redis=f"redis://127.0.0.1:1/0?{HOSTILE}", artifacts=HOSTILE))
    contexts.save()
    (directory / "hostile.jsonl").write_text(json.dumps({HOSTILE: HOSTILE}) + "\n", encoding="utf-8")


async def _chunks() -> AsyncIterator[bytes]:
    yield b"x"


@pytest.fixture
def hostile_queue(do: Do[None], surroundings: Path) -> None:
    do(lambda store: fill(store, surroundings / "data"))
    fill_machine(surroundings)


def test_every_command_is_viewed_or_shows_no_text_of_others() -> None:
    def command_of(view: list[str]) -> str:
        found = [leaf for leaf in LEAVES if view[: len(leaf.split())] == leaf.split()]
        return found[0] if found else f"{view[0]} show"

    viewed = {command_of(view) for view in VIEWS}
    assert set(LEAVES) <= viewed | NO_TEXT_OF_OTHERS
    assert not viewed & NO_TEXT_OF_OTHERS


@pytest.mark.parametrize("view", [["config", "show"], ["config", "show", "-o", "yaml"], ["config", "check"]])
def test_settings_in_a_file_do_not_act_on_the_terminal(emp: Command, surroundings: Path, view: list[str]) -> None:
    (surroundings / ".env.worker").write_text(f"SERVICES={HOSTILE.replace(chr(13), '')}\n", encoding="utf-8")
    said = emp(*view)
    assert said.out + said.err
    assert acts(said.out + said.err) == []


def test_picture_of_a_watch_does_not_act_on_the_terminal() -> None:
    seen = Look(now=0, views={}, write=lambda: terminal.data(one_line(HOSTILE)))
    assert acts(Watch(title=HOSTILE, seconds=2, layout=Layout())._picture(seen, "").plain) == []


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
def test_export_on_stdout_has_the_payloads_of_one_in_a_file(emp: Command, surroundings: Path) -> None:
    emp("export", "all.jsonl")
    texts = emp("export").out, (surroundings / "all.jsonl").read_bytes().decode()
    shown, kept = ([json.loads(line).get("payload") for line in text.split("\n") if line] for text in texts)
    assert shown == kept
    assert {"prompt": HOSTILE} in shown


@pytest.mark.usefixtures("hostile_queue")
def test_a_hostile_file_name_stays_in_the_directory_and_is_cleaned(emp: Command, surroundings: Path) -> None:
    emp("job", "result", "done", "--output-dir", "out")
    (saved,) = (path for path in (surroundings / "out").rglob("*") if path.is_file())
    assert saved.name.isprintable()
    assert not [path for path in surroundings.rglob("*.sh") if surroundings / "out" not in path.parents]
