"""emp export, emp import."""

import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from emp_core.store import open_store
from tests.cli.conftest import Command, Do, Said, Shell
from tests.generated import ROOT
from tests.support.builders import submit
from tests.support.redis_server import Server


@pytest.fixture
def there(server: Server) -> Iterator[str]:
    """The URL of another queue."""
    other = Server(server.engine)
    yield other.url
    other.close()


def submit_some(do: Do[Any]) -> None:
    async def work(store: Any) -> None:
        await submit(store, id="first", customer_id="acme")
        await submit(store, id="child", customer_id="acme", depends_on=["first"])
        await submit(store, id="large", payload={"text": "x" * 1_000})

    do(work)


def ids(said: Said) -> list[str]:
    return sorted(line["id"] for line in map(json.loads, said.lines) if "id" in line)


def test_export_and_import_through_a_pipe(emp: Command, shell: Shell, do: Do[Any], there: str) -> None:
    submit_some(do)
    exported = shell("export")
    assert (exported.code, exported.err) == (0, "exported 3 jobs\n")
    assert ids(exported) == ["child", "first", "large"]
    imported = shell("--redis", there, "import", "-", stdin=exported.out)
    assert (imported.code, imported.out, imported.err) == (0, "", "imported 3 jobs\n")
    assert sorted(emp("--redis", there, "jobs", "-o", "ids").lines) == ["child", "first", "large"]


def test_export_to_a_file_that_only_its_user_can_read(emp: Command, do: Do[Any], surroundings: Path) -> None:
    submit_some(do)
    assert emp("export", "queue.jsonl", "--where", "customer:acme").err == "exported 2 jobs\n"
    assert stat.S_IMODE((surroundings / "queue.jsonl").stat().st_mode) == 0o600
    again = emp("export", "queue.jsonl")
    assert again.code == 2
    assert "queue.jsonl is there already" in again.err


def test_export_resumes_a_file_that_was_cut_off(emp: Command, do: Do[Any], surroundings: Path) -> None:
    submit_some(do)
    emp("export", "queue.jsonl")
    file = surroundings / "queue.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.index(b"\n", whole.index(b"\n") + 1) + 9])
    said = emp("export", "queue.jsonl", "--resume")
    assert said.err == "exported 2 jobs; 1 were in the file already\n"
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert sorted(line["id"] for line in lines[1:-1]) == ["child", "first", "large"]
    assert lines[-1] == {"end": True, "jobs": 3}


def test_import_of_a_file_that_was_cut_off_says_so(emp: Command, do: Do[Any], surroundings: Path, there: str) -> None:
    submit_some(do)
    emp("export", "queue.jsonl", "--where", "-id:child")
    lines = (surroundings / "queue.jsonl").read_text().splitlines(keepends=True)
    (surroundings / "cut.jsonl").write_text("".join(lines[:-1]))
    said = emp("--redis", there, "import", "cut.jsonl")
    assert said.code == 1
    assert said.err.startswith("imported 2 jobs\nerror: the file is not complete")
    assert emp("--redis", there, "import", "queue.jsonl").err == "imported 0 jobs; 2 were here already\n"


def test_import_tells_each_wrong_line_with_its_number_and_its_mend(
    emp: Command, do: Do[Any], surroundings: Path, there: str
) -> None:
    submit_some(do)
    emp("export", "queue.jsonl", "--where", "-id:first")
    text = (surroundings / "queue.jsonl").read_text()
    (surroundings / "edited.jsonl").write_text(text.replace('"id":"large"', '"id":"lar\\u001b[31mge"'))
    for more, word in ((("--dry-run",), "would import"), ((), "imported")):
        said = emp("--redis", there, "import", "edited.jsonl", *more)
        assert said.code == 1
        assert "waits for job first, which is neither here nor in the file\nhint: --orphans hold" in said.err
        assert ": id: must be 1 to 128" in said.err
        assert "\x1b" not in said.err
        assert f"{word} 0 jobs; 2 were not imported\n" in said.err
    held = emp("--redis", there, "import", "queue.jsonl", "--orphans", "hold")
    assert (held.code, held.err) == (0, "imported 2 jobs\n")
    assert emp("--redis", there, "jobs", "--status", "held", "-o", "ids").lines == ["child"]


def test_large_payload_goes_along_with_files(
    emp: Command, surroundings: Path, there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (surroundings / "payload.json").write_text(json.dumps({"text": "x" * 2_000_000}))
    emp("submit", "--service", "comfyui", "--id", "large", "--payload", "payload.json")
    said = emp("export", "reference.jsonl")
    assert "the files of 1 job stay in file://" in said.err
    assert emp("export", "queue.jsonl", "--with-files").err == "exported 1 job\n"
    monkeypatch.setenv("EMP_DATA_DIR", str(surroundings / "elsewhere"))
    said = emp("--redis", there, "import", "queue.jsonl")
    assert (said.code, said.err) == (0, "imported 1 job\n")
    assert len(emp("--redis", there, "job", "show", "large", "--payload").out) > 2_000_000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import",), "file: which jobs?"),
        (("import", "--from", "redis://old"), "from: needs --take"),
        (("import", "--from", "redis://old", "--layout", "sidekiq"), "layout: must be one of emp-redis, emprops-js"),
        (("import", "queue.jsonl", "--take"), "file: these options do not work together"),
        (
            ("import", "--from", "redis://old", "--take", "--orphans", "hold"),
            "file: these options do not work together",
        ),
        (("import", "--from", "redis://old", "--layout", "emp-redis", "--take"), "file: these options do not work"),
        (("export", "--with-files"), "file: give a file: --with-files does not work with -"),
        (("export", "--resume"), "file: give a file: --resume does not work with -"),
        (("export", "--where", "colour:red"), "where: "),
    ],
)
def test_wrong_use_exits_2(words: tuple[str, ...], said: str, emp: Command) -> None:
    answer = emp(*words)
    assert answer.code == 2
    assert said in answer.err


def test_import_of_a_file_that_is_not_there_exits_1(emp: Command) -> None:
    said = emp("import", "nowhere.jsonl")
    assert (said.code, said.err) == (1, "error: nowhere.jsonl: No such file or directory\n")


def test_take_moves_the_jobs_and_the_old_queue_says_where(
    emp: Command, do: Do[Any], there: str, server: Server
) -> None:
    submit_some(do)
    foreseen = emp("--redis", there, "import", "--from", server.url, "--take", "--dry-run")
    assert foreseen.err == "would move 3 jobs, with the jobs that they wait for and those that wait for them\n"
    moved = emp("--redis", there, "import", "--from", server.url, "--take")
    assert (moved.code, moved.out, moved.err) == (0, "", "moved 3 jobs\n")
    assert sorted(emp("--redis", there, "jobs", "-o", "ids").lines) == ["child", "first", "large"]
    assert emp("jobs", "-o", "ids").lines == []
    gone = emp("job", "show", "first")
    assert (gone.code, gone.err) == (6, f"error: no job first\nhint: it was moved to {there}\n")
    again = emp("--redis", there, "import", "--from", server.url, "--take")
    assert (again.code, again.err) == (0, "moved 0 jobs\n")


def test_take_tells_each_job_that_was_not_moved(emp: Command, do: Do[Any], there: str, server: Server) -> None:
    submit_some(do)
    emp("--redis", there, "submit", "--service", "other", "--id", "large")
    said = emp("--redis", there, "import", "--from", server.url, "--take")
    assert said.code == 1
    assert "error: job large was not moved: job large was submitted with another body\n" in said.err
    assert said.err.endswith("moved 2 jobs; 1 were not moved\n")


def fill_predecessor(url: str, layout: str) -> None:
    data = json.loads((ROOT / "tests" / "data" / "predecessors" / f"{layout}.json").read_text())
    client = Redis.from_url(url)
    for name, members in data["zsets"].items():
        client.zadd(name, members)
    for name, members in data["lists"].items():
        client.rpush(name, *members)
    for name, fields in data["hashes"].items():
        client.hset(name, mapping=fields)
    client.close()


@pytest.mark.parametrize(
    ("layout", "code", "said", "stored"),
    [
        (
            "emp-redis",
            0,
            "6 jobs; 2 do not wait there: 1 claimed, 1 completed",
            ["py-urgent", "py-tried", "py-first", "py-second", "py-swept", "py-low"],
        ),
        ("emprops-js", 1, "4 jobs; 1 were not imported", ["ts-high", "ts-old", "ts-new", "ts-large"]),
        ("redis-direct", 0, "3 jobs; 1 do not wait there: 1 assigned", ["step-2", "retried", "alone"]),
    ],
)
def test_jobs_of_a_predecessor_are_imported(
    emp: Command, there: str, layout: str, code: int, said: str, stored: list[str]
) -> None:
    fill_predecessor(there, layout)
    foreseen = emp("import", "--from", there, "--layout", layout, "--dry-run")
    assert (foreseen.code, foreseen.err.splitlines()[-1]) == (code, f"would import {said}")
    assert emp("jobs", "-o", "ids").lines == []
    imported = emp("import", "--from", there, "--layout", layout)
    assert (imported.code, imported.err.splitlines()[-1]) == (code, f"imported {said}")
    assert emp("jobs", "-o", "ids").lines == stored


def test_import_tells_what_a_predecessor_wrote_wrongly(emp: Command, there: str) -> None:
    fill_predecessor(there, "emprops-js")
    said = emp("import", "--from", there, "--layout", "emprops-js")
    assert "warning: job ts-high: priority 120 is stored as 100\n" in said.err
    assert "error: job ts-broken was not imported: payload: is not JSON" in said.err


def test_import_from_a_predecessor_where_counts_the_rest(emp: Command, there: str) -> None:
    fill_predecessor(there, "redis-direct")
    said = emp("import", "--from", there, "--layout", "redis-direct", "--where", "customer:acme")
    assert (said.code, said.err) == (0, "imported 1 job; 2 do not match; 1 do not wait there: 1 assigned\n")
    assert emp("jobs", "-o", "ids").lines == ["step-2"]
    wrong = emp("import", "--from", there, "--layout", "redis-direct", "--where", "custmer:acme")
    assert wrong.code == 2
    assert "unknown field 'custmer'; did you mean customer?" in wrong.err


def keep_back(store_url: str, to: str) -> None:
    """What an interrupted `--take` leaves behind in its first step."""

    async def work() -> None:
        store = await open_store(store_url)
        await store.transfers.keep_back(["first", "child"], to, "")
        await store.close()

    asyncio.run(work())


def test_undo_gives_jobs_back_though_the_new_queue_is_gone(emp: Command, do: Do[Any], server: Server) -> None:
    submit_some(do)
    keep_back(server.url, "gone")
    words = ("--redis", "redis://127.0.0.1:1", "import", "--from", server.url, "--undo")
    asked = emp(*words)
    assert asked.code == 2
    assert "hint: add --yes" in asked.err
    done = emp(*words, "--yes")
    assert done.code == 0
    assert done.err.endswith("gave 2 jobs back to the old queue\n")
    assert emp("jobs", "--status", "held", "-o", "ids").lines == []
    assert "is on its way to another" in emp(*words, "--yes").err


def test_undo_of_a_finished_move_changes_nothing(emp: Command, do: Do[Any], there: str, server: Server) -> None:
    submit_some(do)
    emp("--redis", there, "import", "--from", server.url, "--take")
    said = emp("--redis", there, "import", "--from", server.url, "--undo")
    assert (said.code, said.err) == (0, "gave 0 jobs back to the old queue\n")
    assert sorted(emp("--redis", there, "jobs", "-o", "ids").lines) == ["child", "first", "large"]


def test_undo_without_from_exits_2(emp: Command) -> None:
    assert emp("import", "queue.jsonl", "--undo").code == 2
    assert "which jobs?" in emp("import", "--undo").err


def test_take_from_a_url_with_a_password_moves_after_its_restart(
    shell: Shell, do: Do[Any], there: str, server: Server
) -> None:
    submit_some(do)
    source = server.url.replace("redis://", "redis://default:unused@")
    said = shell("--redis", there, "import", "--from", source, "--take")
    assert (said.code, said.err) == (0, "moved 3 jobs\n")
