"""emp submit."""

import json
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from emp_core.artifacts import open_artifacts
from emp_core.client.async_emp import AsyncEmp
from emp_core.client.locate import local_files
from emp_core.client.redis_queue import RedisQueue
from emp_core.store import Claimed, Store, Submitted
from tests.cli.conftest import Command, Do, Shell, first_line, interrupt
from tests.support.builders import WorkerDriver, register, submit


def test_stdout_is_the_id_and_nothing_else(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    said = emp("submit", "--service", "comfyui", "--priority", "75")
    assert (said.code, said.err) == (0, "")
    (view,) = json.loads(emp("job", said.out.strip(), "-o", "json").out)
    assert (view["service"], view["priority"]) == ("comfyui", 75)


def test_a_job_that_no_worker_can_do_is_taken_with_a_warning(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, gpu_memory_gb=16))
    said = emp("submit", "--service", "comfyui", "--require", "gpu_memory_gb=24")
    assert (said.code, len(said.lines)) == (0, 1)
    assert said.err.startswith("warning: the only live worker cannot run it")
    assert "gpu1:0 would fit if gpu_memory_gb were 24 (has 16)" in said.err


def test_or_refused_where_a_worker_is_required(emp: Command) -> None:
    said = emp("submit", "--service", "comfyui", "--require-worker")
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("error: not submitted: no worker is running")
    assert "\nhint: " in said.err
    assert emp("jobs", "-o", "ids").out == ""


def test_a_dry_run_explains_and_stores_nothing(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    said = emp("submit", "--service", "comfyui", "--dry-run", "-o", "json")
    assert (said.code, json.loads(said.out)[0]["tier"]) == (0, "now")
    assert "nothing was submitted" in said.err
    assert emp("submit", "--service", "comfyui", "--priority", "200", "--dry-run").code == 2
    assert emp("submit", "--service", "x", "--dry-run", "--require-worker").code == 3
    assert emp("jobs", "-o", "ids").out == ""


def test_lines_of_stdin_are_stored_each_for_itself(emp: Command) -> None:
    lines = ['{"service": "a"}', '{"service": "b", "priority": 200}', '{"service": "c"}']
    said = emp("submit", "-", stdin="\n".join(lines))
    assert (said.code, len(said.lines)) == (2, 2)
    assert "line 2: priority: must be 0 to 100, not 200" in said.err
    assert "no live worker can run 2 of these jobs" in said.err


def test_the_answer_as_json_says_how_safe_it_is(emp: Command) -> None:
    (view,) = json.loads(emp("submit", "--service", "a", "-o", "json").out)
    assert (view["state"], view["workable"], view["durability"]) == ("pending", False, "memory")


def test_a_worker_that_comes_just_after_the_submit_is_no_warning(emp: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = AsyncEmp.submit

    async def submit_and_register(self: AsyncEmp, *words: Any, **options: Any) -> Submitted:
        stored = await submit(self, *words, **options)
        assert isinstance(self._queue, RedisQueue)
        await register(self._queue._store)
        return stored

    monkeypatch.setattr(AsyncEmp, "submit", submit_and_register)
    said = emp("submit", "--service", "comfyui", "--id", "good")
    assert (said.code, said.out, said.err) == (0, "good\n", "")


def test_a_repeated_submit_is_the_same_job(emp: Command) -> None:
    again = ("submit", "--service", "a", "--idempotency-key", "k1")
    assert emp(*again).out == emp(*again).out
    assert emp(*again, "--priority", "9").code == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "service: is missing"),
        ((), "hint: emp submit --service simulation"),
        (("--service", "x", "--timeout", "5s"), "timeout: needs --wait or --follow; --job-timeout limits a run"),
        (("--service", "x", "--wait", "--timeout", "soon"), "timeout: must be a duration"),
        (("twice.jsonl", "--follow"), "follow: works with one job"),
        (("twice.jsonl", "--file", "x"), "file: works with one job only"),
        (("--service", "x", "--priority", "999"), "priority: must be 0 to 100"),
        (("--service", "x", "--depends-on", "nobody"), "depends_on: there is no job nobody"),
        (("--service", "x", "--require", "vram=3"), "require: vram is not a requirement"),
        (("--service", "x", "--delay", "soon"), "delay: must be a duration"),
        (("nowhere.jsonl",), "source: nowhere.jsonl cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2_and_nothing_is_stored(
    emp: Command, surroundings: Path, words: tuple[str, ...], message: str
) -> None:
    (surroundings / "twice.jsonl").write_text('{"service": "x"}\n{"service": "x"}\n')
    (surroundings / "x").write_text("")
    said = emp("submit", *words)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert emp("jobs", "-o", "ids").out == ""


def test_an_empty_list_of_requests_is_no_error(emp: Command) -> None:
    said = emp("submit", "-", stdin="[]")
    assert (said.code, said.out, said.err) == (0, "", "the input has no requests; nothing was submitted\n")


def test_files_are_read_before_a_queue_is_looked_for(emp: Command) -> None:
    assert emp("submit", "nowhere.jsonl", "--redis", "redis://127.0.0.1:1/0").code == 2


async def complete(worker: WorkerDriver, claim: Claimed) -> None:
    await worker.complete(claim, seed=7)


async def fail(worker: WorkerDriver, claim: Claimed) -> None:
    await worker.fail(claim, retryable=False)


def work_off(do: Do[object], end: Callable[[WorkerDriver, Claimed], Awaitable[object]] = complete) -> threading.Thread:
    """A worker that does one job as soon as there is one."""

    registered = threading.Event()

    async def work(store: Store) -> None:
        worker = await register(store)
        registered.set()
        claim = None
        while claim is None:
            claim = await worker.claim()
        await end(worker, claim)

    thread = threading.Thread(target=lambda: do(work))
    thread.start()
    assert registered.wait(60)
    return thread


def test_wait_ends_with_the_job(emp: Command, do: Do[object]) -> None:
    worker = work_off(do)
    said = emp("submit", "--service", "comfyui", "--wait", "-o", "json")
    worker.join()
    assert (said.code, json.loads(said.out)[0]["state"]) == (0, "completed")


def test_wait_tells_the_notes_of_a_result_whose_files_are_not_saved(emp: Command, do: Do[object]) -> None:
    worker = work_off(do, lambda worker, claim: worker.complete(claim, notes=["all files are \x1b[2Jpreviews"]))
    said = emp("submit", "--service", "comfyui", "--id", "good", "--wait")
    worker.join()
    assert (said.code, said.out, said.err) == (0, "good\n", "warning: job good: all files are [2Jpreviews\n")


@pytest.mark.parametrize(
    ("size", "found", "told"),
    [
        (300_000, True, "job good: all files are previews"),
        (300_000, False, "may have notes: emp job result good"),
        (2_000_000, True, "may have notes: emp job result good"),
    ],
    ids=["read", "unreadable", "large"],
)
def test_wait_tells_the_notes_of_a_result_in_a_file_or_where_they_are(
    emp: Command, do: Do[object], surroundings: Path, size: int, found: bool, told: str
) -> None:
    async def end(worker: WorkerDriver, claim: Claimed) -> None:
        place = surroundings / ("data" if found else "elsewhere")
        files = open_artifacts(local_files(place), worker.store.files_id)
        data = {"notes": ["all files are previews"], "text": "x" * size}
        await worker.complete_in_a_file(files, claim, data)

    worker = work_off(do, end)
    said = emp("submit", "--service", "comfyui", "--id", "good", "--wait")
    worker.join()
    assert said.code == 0
    assert told in said.err


def test_and_fails_with_it(emp: Command, do: Do[object]) -> None:
    worker = work_off(do, fail)
    said = emp("submit", "--service", "comfyui", "--follow", "--timeout", "100s")
    worker.join()
    assert (said.code, len(said.lines)) == (1, 1)
    assert " failed " in said.err
    assert "failed (permanent): it broke" in said.err


def test_time_is_up(emp: Command) -> None:
    said = emp("submit", "--service", "comfyui", "--wait", "--timeout", "0.1")
    assert (said.code, len(said.lines)) == (8, 1)


def test_ctrl_c_leaves_the_job_and_says_so(shell: Shell, do: Do[object]) -> None:
    with shell.begin("submit", "--service", "comfyui", "--wait") as process:
        job_id = first_line(process.stdout)
        said = interrupt(process)
    assert said.code == 130
    assert f"job {job_id} continues" in said.err
    assert do(lambda store: store.inspector.job(job_id)) is not None


def test_ids_flow_from_command_to_command(shell: Shell) -> None:
    ids = shell("submit", "-", stdin='{"service": "a"}\n{"service": "b"}').out
    assert shell("job", "cancel", "-", "-o", "ids", stdin=ids).out == ids


def test_input_files_go_up(emp: Command, surroundings: Path) -> None:
    (surroundings / "in.png").write_bytes(b"input")
    (surroundings / "graph.json").write_text('{"1": {"class_type": "LoadImage", "inputs": {"image": "in.png"}}}')
    job_id = emp("submit", "--graph", "graph.json", "--file", "in.png").out.strip()
    (view,) = json.loads(emp("job", job_id, "--payload", "-o", "json").out)
    assert view["payload"]["files"] == {"in.png": f"{job_id}/1/1"}
    (kept,) = [path for path in (surroundings / "data").rglob("1") if path.is_file()]
    assert kept.read_bytes() == b"input"


def test_a_job_after_another_is_blocked(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="first"))
    second = emp("submit", "--service", "comfyui", "--depends-on", "first").out.strip()
    assert "it waits for first (pending)" in emp("explain", second).out


def test_a_pipe_that_closes_early_is_no_error(shell: Shell) -> None:
    shell("submit", "-", stdin='{"service": "a"}\n' * 50)
    with shell.begin("jobs", "-o", "ids", "--limit", "50") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, "")
