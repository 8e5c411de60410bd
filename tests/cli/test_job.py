"""emp job …: one job, looked at and steered."""

import csv
import io
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emp_core.artifacts import open_artifacts
from emp_core.client.locate import local_files
from emp_core.domain.outcome import Result
from emp_core.store import Store, completed
from tests.cli.conftest import Command, Do, Shell, first_line, interrupt, terminal
from tests.support.builders import register, submit


async def run_one(store: Store, job_id: str, *, good: bool = True) -> None:
    worker = await register(store, dead_boot="boot-1", boot="one")
    await submit(store, id=job_id)
    claim = await worker.take()
    await worker.report(claim, percent=50, message="half", lines=("first", "second"))
    if good:
        await worker.settle(completed(claim, Result(data={"seed": 7})))
    else:
        await worker.fail(claim, retryable=False)


def test_a_name_alone_shows_the_job(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="job-123456", customer_id="acme"))
    said = emp("job", "job-123456")
    assert said.code == 0
    assert said.lines[0] == "job job-123456 pending"
    assert emp("job", "show", "job-1").lines[0] == said.lines[0]


def test_a_slip_in_a_command_is_no_job(emp: Command) -> None:
    said = emp("job", "cancle", "x")
    assert said.code == 2
    assert "Did you mean 'cancel'?" in said.err


def test_the_json_has_everything(emp: Command, do: Do[object]) -> None:
    do(lambda store: run_one(store, "bad", good=False))
    (view,) = json.loads(emp("job", "bad", "--payload", "-o", "json").out)
    assert (view["state"], view["code"], view["payload"]) == ("failed", "permanent", {"prompt": {}})
    assert view["outcome"]["message"] == "it broke"
    assert [attempt["outcome"] for attempt in view["attempts"]] == ["permanent"]
    assert "it broke" in emp("job", "bad").out


def test_a_failure_is_shown_by_the_connectors_own_code(emp: Command, do: Do[object]) -> None:
    async def fail(store: Store) -> None:
        worker = await register(store)
        for name, retryable in (("gone1", False), ("again1", True)):
            await submit(store, id=name)
            await worker.fail(await worker.take(), retryable=retryable, code="out_of_memory")

    do(fail)
    assert emp("job", "gone1").lines[0] == "job gone1 failed (out_of_memory)"
    assert "permanent (out_of_memory)" in emp("job", "gone1").out
    assert "failed 1 of 3 times (out_of_memory)" in emp("job", "again1").out
    listed = {line.split()[0]: line.split()[-1] for line in emp("jobs").lines[1:]}
    assert listed == {"gone1": "out_of_memory", "again1": "(out_of_memory)"}
    (view,) = json.loads(emp("job", "gone1", "-o", "json").out)
    assert (view["code"], view["cause"], view["attempts"][0]["code"]) == ("permanent", "out_of_memory", "out_of_memory")
    assert "job gone1 failed (out_of_memory): it broke" in emp("job", "wait", "gone1").err
    assert "it has ended: failed (out_of_memory)" in emp("explain", "gone1").out
    shown = emp("worker", "gpu1:0").out
    assert "last failed job again1 (out_of_memory), " in shown
    assert json.loads(emp("worker", "gpu1:0", "-o", "json").out)["last_failure"]["code"] == "out_of_memory"


def test_several_jobs_are_a_list(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="one1"))
    do(lambda store: submit(store, id="two2"))
    views = json.loads(emp("job", "show", "-", "-o", "json", stdin="one1\ntwo2\n").out)
    assert [view["id"] for view in views] == ["one1", "two2"]


def test_csv_has_a_column_for_all_that_any_row_has(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="one1"))
    do(lambda store: submit(store, id="two2", payload=None, template="portrait", params={"seed": 7}))
    one, two = csv.DictReader(io.StringIO(emp("job", "show", "one1", "two2", "--payload", "-o", "csv").out))
    assert (one["payload"], one["template"]) == ('{"prompt": {}}', "")
    assert (two["payload"], two["template"]) == ("", "portrait")


def test_the_result_of_a_held_job_points_to_unhold(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="keep"))
    emp("job", "hold", "keep")
    said = emp("job", "result", "keep")
    assert "job keep is held and has no result yet" in said.err
    assert "emp job unhold keep" in said.err


def test_logs_events_and_result(emp: Command, do: Do[object]) -> None:
    do(lambda store: run_one(store, "good"))
    assert emp("job", "logs", "good").lines == ["first", "second"]
    assert emp("job", "logs", "good", "--tail", "1").lines == ["second"]
    assert emp("job", "logs", "good", "-f").lines == ["first", "second"]
    events = json.loads(emp("job", "events", "good", "-o", "json").out)
    assert [event["name"] for event in events] == ["submitted", "claimed", "completed"]
    assert json.loads(emp("job", "result", "good").out)["data"] == {"seed": 7}


def test_a_result_that_is_not_there_yet_is_a_conflict(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="waits"))
    said = emp("job", "result", "waits")
    assert (said.code, said.out) == (7, "")
    assert "emp job wait waits" in said.err


def test_the_exit_code_of_a_wait_says_how_jobs_ended(emp: Command, do: Do[object]) -> None:
    do(lambda store: run_one(store, "good"))
    do(lambda store: run_one(store, "bad1", good=False))
    do(lambda store: submit(store, id="gone"))
    assert emp("job", "cancel", "gone").lines[1].split()[:2] == ["gone", "cancelled"]
    assert emp("job", "wait", "good").code == 0
    assert emp("job", "wait", "good", "gone").code == 9
    said = emp("job", "wait", "-", "-o", "ids", stdin="good bad1 gone")
    assert (said.code, said.lines) == (1, ["good", "bad1", "gone"])
    assert "error: job bad1 failed (permanent): it broke\n" in said.err


def test_a_wait_that_is_over_before_the_job_says_that_it_goes_on(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="waits"))
    said = emp("job", "wait", "waits", "--timeout", "0.1s")
    assert said.code == 8
    assert "job waits is pending after 0.1s" in said.err
    assert "it continues" in said.err


def test_ctrl_c_ends_a_wait_at_once_with_a_word_on_what_goes_on(shell: Shell, do: Do[object]) -> None:
    do(lambda store: submit(store, id="waits"))
    with shell.begin("job", "follow", "waits") as process:
        assert "pending" in first_line(process.stdout)
        said = interrupt(process)
    assert said.code == 130
    assert said.err.strip() == "job waits continues: emp job wait waits, or emp job cancel waits"


def test_the_bar_says_why_a_job_waits(shell: Shell, do: Do[object]) -> None:
    do(lambda store: submit(store, id="waits"))
    with terminal() as (ours, its), shell.begin("job", "wait", "waits", stderr=its) as process:
        said = b""
        while b"pending: no worker is running" not in said:
            said += os.read(ours, 4_096)
        assert interrupt(process).code == 130


def test_the_bar_counts_the_jobs_that_have_ended(shell: Shell, do: Do[object]) -> None:
    do(lambda store: run_one(store, "bad1", good=False))
    do(lambda store: submit(store, id="waits"))
    with terminal() as (ours, its), shell.begin("job", "wait", "bad1", "waits", stderr=its) as process:
        said = b""
        while b"1 of 2 ended, 1 failed" not in said:
            said += os.read(ours, 4_096)
        assert interrupt(process).code == 130


def test_follow_tells_the_story_and_its_end(emp: Command, do: Do[object]) -> None:
    do(lambda store: run_one(store, "bad1", good=False))
    said = emp("job", "follow", "bad1")
    assert said.code == 1
    assert "failed" in said.lines[0]
    assert [line.split()[1:] for line in said.lines[1:]] == [["first"], ["second"]]


def test_steering_shows_the_jobs_as_they_are_then(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="a001"))
    assert emp("job", "hold", "a001").lines[1].split()[1] == "held"
    assert emp("job", "unhold", "a001").lines[1].split()[1] == "pending"
    assert emp("job", "priority", "a001", "90").lines[1].split()[2] == "90"
    assert emp("job", "cancel", "a001", "-o", "ids").lines == ["a001"]
    assert json.loads(emp("job", "retry", "a001", "-o", "json").out)[0]["gen"] == 1


def test_what_goes_wrong_with_one_job_does_not_keep_the_others(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="a001"))
    said = emp("job", "cancel", "none", "a001", "-o", "ids")
    assert (said.code, said.lines, said.err) == (6, ["a001"], "error: no job none\n")
    said = emp("job", "hold", "a001")
    assert (said.code, said.out) == (7, "")
    assert "cannot hold job a001: it is cancelled" in said.err


def test_no_ids_are_nothing_to_do_and_it_says_so(emp: Command) -> None:
    for words in (("job", "cancel", "-"), ("job", "show", "-")):
        said = emp(*words)
        assert (said.code, said.out, said.err) == (0, "", "stdin holds no ids\n")
    said = emp("job", "wait", "-")
    assert (said.code, said.out) == (2, "")


def test_what_has_ended_is_not_cancelled_and_it_says_so(emp: Command, do: Do[object]) -> None:
    do(lambda store: run_one(store, "good"))
    said = emp("job", "cancel", "good", "-o", "ids")
    assert (said.code, said.out, said.err) == (0, "good\n", "job good was already completed\n")


def test_a_result_without_files_says_so(emp: Command, do: Do[object]) -> None:
    do(lambda store: run_one(store, "good"))
    assert emp("job", "result", "good", "--output-dir", "out").err == "the result has no files\n"
    assert emp("job", "result", "good", "-o", "table").err == "the result has no files\n"


def test_a_cancelled_job_has_no_result_and_it_says_so(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="gone"))
    emp("job", "cancel", "gone")
    said = emp("job", "result", "gone")
    assert (said.code, said.out, said.err) == (9, "null\n", "warning: job gone was cancelled\n")


def test_counters_are_said_in_words_that_read_well(emp: Command, do: Do[object]) -> None:
    do(lambda store: run_one(store, "bad1", good=False))
    assert "counted     failed 1 of 3 times" in emp("job", "bad1").lines
    emp("job", "retry", "bad1")
    assert "counted     retried once" in emp("job", "bad1").lines


def test_requeue_puts_a_running_job_back(emp: Command, do: Do[object]) -> None:
    async def begin(store: Store) -> None:
        worker = await register(store)
        await submit(store, id="runs")
        await worker.take()

    do(begin)
    assert emp("job", "requeue", "runs").lines[1].split()[1] == "pending"


def test_order_that_a_held_job_forbids_says_held(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="kept"))
    emp("job", "hold", "kept")
    for verb in ("requeue", "retry"):
        said = emp("job", verb, "kept")
        assert (said.code, said.err) == (7, f"error: cannot {verb} job kept: it is held\n")


def test_a_prefix_of_several_jobs_names_them(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="abcd1"))
    do(lambda store: submit(store, id="abcd2"))
    said = emp("job", "abcd")
    assert said.code == 2
    assert "abcd could be any of abcd1, abcd2" in said.err


def test_files_are_saved_beside_the_result(emp: Command, do: Do[object], surroundings: Path) -> None:
    async def make(store: Store) -> None:
        worker = await register(store)
        await submit(store, id="good")
        claim = await worker.take()
        files = open_artifacts(local_files(surroundings / "data"), store.files_id)
        artifact = await files.put("good", 1, "sub/a.png", _chunks())
        await worker.settle(completed(claim, Result(artifacts=(artifact,))))

    do(make)
    said = emp("job", "result", "good", "--output-dir", "out", "-o", "ids")
    assert (said.lines, said.err) == (["good/1/1"], "saved out/sub/a.png\n")
    assert (surroundings / "out" / "sub" / "a.png").read_bytes() == b"picture"
    (surroundings / "out" / "sub" / "a.png").write_bytes(b"mine")
    assert emp("job", "result", "good", "--output-dir", "out").err.endswith("saved out/sub/a-2.png\n")
    assert (surroundings / "out" / "sub" / "a.png").read_bytes() == b"mine"
    named = emp("job", "result", "good", "--output-dir", "out", "--name-template", "{job}-{index:02}.{ext}")
    assert named.err == "saved out/good-01.png\n"


def test_an_unknown_field_of_a_name_template_is_refused_before_anything_is_asked(emp: Command) -> None:
    said = emp("job", "result", "good", "--output-dir", "out", "--name-template", "{jobb}.png")
    assert said.code == 2
    assert "has no field 'jobb'" in said.err
    alone = emp("job", "result", "good", "--name-template", "{job}.png")
    assert "needs --output-dir" in alone.err


def test_notes_of_a_result_are_said_on_stderr(emp: Command, do: Do[object]) -> None:
    async def make(store: Store) -> None:
        worker = await register(store)
        await submit(store, id="good")
        data = {"notes": ["all files are \x1b[2Jpreviews"]}
        await worker.settle(completed(await worker.take(), Result(data=data)))

    do(make)
    assert "job good: all files are [2Jpreviews" in emp("job", "result", "good").err


def complete_in_a_file(do: Do[object], surroundings: Path, data: object) -> None:
    """The job `good`, whose result is too large for Redis."""

    async def make(store: Store) -> None:
        worker = await register(store)
        await submit(store, id="good")
        files = open_artifacts(local_files(surroundings / "data"), store.files_id)
        await worker.complete_in_a_file(files, await worker.take(), data)

    do(make)


def test_result_in_a_file_is_shown_as_any_other(emp: Command, do: Do[object], surroundings: Path) -> None:
    complete_in_a_file(do, surroundings, {"seed": 2**64, "text": "żółw"})
    result, shown = emp("job", "result", "good"), emp("job", "show", "good", "-o", "json")
    assert (result.code, result.err, shown.code, shown.err) == (0, "", 0, "")
    for view in (json.loads(result.out), json.loads(shown.out)[0]["outcome"]):
        assert view["data"] == {"seed": 2**64, "text": "żółw"}
    assert emp("job", "result", "good", "-o", "ids").lines == ["good/1/2"]
    assert emp("job", "result", "good", "--output-dir", "out").err == "saved out/a.png\n"
    table = emp("job", "good")
    assert ("a.png" in table.out, "result.json" in table.out) == (True, False)


def test_very_large_result_is_streamed_as_ascii_json(
    emp: Command, do: Do[object], surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emp_cli.commands.job.show.MAX_WHOLE_RESULT", 100)
    data = {"text": '\u009b31m\u202e żółw \U0001f422 \x7f\x1b \\ "' * 40_000}
    complete_in_a_file(do, surroundings, data)
    said = emp("job", "result", "good")
    assert (said.code, json.loads(said.out)["data"]) == (0, data)
    assert said.out.isascii()
    assert said.out.rstrip("\n").isprintable()
    shown = emp("job", "show", "good", "-o", "json")
    assert json.loads(shown.out)[0]["outcome"]["data"] is None
    assert "warning: the result of job good is not shown: it has" in shown.err


def test_result_whose_file_is_gone_is_told_and_the_job_is_still_shown(
    emp: Command, do: Do[object], surroundings: Path
) -> None:
    complete_in_a_file(do, surroundings, {"seed": 7})
    (directory,) = (surroundings / "data" / "artifacts").glob("*/good")
    shutil.rmtree(directory)
    said = emp("job", "result", "good")
    assert (said.code, said.out) == (6, "")
    assert "no result file good/1/1" in said.err
    shown = emp("job", "show", "good", "-o", "json")
    assert (shown.code, json.loads(shown.out)[0]["state"]) == (0, "completed")
    assert "warning: the result of job good is not shown: no result file good/1/1" in shown.err


async def _chunks() -> AsyncIterator[bytes]:
    yield b"picture"
