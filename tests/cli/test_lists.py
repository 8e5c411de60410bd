"""jobs, workers, summary, events: what they show, in every format."""

import csv
import getpass
import io
import json
import re
import socket
from dataclasses import replace

import pytest

from emp_cli.input.options import Status
from emp_cli.output.columns import JOB_COLUMNS
from emp_cli.output.story import event_line
from emp_core.client import async_emp
from emp_core.domain.events import Event
from emp_core.domain.job import Job
from emp_core.domain.states import HELD, JobState
from emp_core.store import Store, demand, inspector
from tests.cli.conftest import Command, Do
from tests.support.builders import make_request, register, submit
from tests.support.time_travel import end_worker, reap


def test_an_empty_queue_shows_nothing_and_says_so_beside_the_data(emp: Command) -> None:
    said = emp("jobs")
    assert (said.code, said.out, said.err) == (0, "", "nothing to show\n")
    assert json.loads(emp("jobs", "-o", "json").out) == []
    assert emp("jobs", "-o", "ids").out == ""


def test_jobs_are_listed_with_their_remark(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    do(lambda store: submit(store, id="fits", priority=60, customer_id="acme"))
    do(lambda store: submit(store, id="never", requirements={"gpu_memory_gb": 80}))
    header, fits, never = emp("jobs").lines
    assert header.split() == ["JOB", "STATE", "PRI", "SERVICE", "CUSTOMER", "AGE", "NOTE"]
    assert fits.split()[:5] == ["fits", "pending", "60", "comfyui", "acme"]
    assert never.endswith("no worker can run it")


def test_empty_columns_are_left_out(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="waits"))
    assert emp("jobs").lines[0].split() == ["JOB", "STATE", "PRI", "SERVICE", "AGE", "NOTE"]
    assert emp("jobs", "-o", "wide").lines[0].split() == ["JOB", "STATE", "PRI", "SERVICE", "AGE", "CREATED", "NOTE"]
    assert emp("jobs", "--columns", "job,customer").lines[0].split() == ["JOB", "CUSTOMER"]


def test_wide_list_on_a_narrow_terminal_cuts_nothing(emp: Command, do: Do[object], narrow_terminal: None) -> None:
    name = "job-with-an-id-of-40-characters-in-total"
    labels = {"campaign": "launch of the spring collection"}
    do(lambda store: submit(store, id=name, customer_id="customer-with-a-long-name", labels=labels))
    (line,) = emp("jobs", "-o", "wide", "--no-headers").lines
    for text in (name, "customer-with-a-long-name", "campaign=launch of the spring collection"):
        assert text in line
    assert "…" not in line
    assert "…" in emp("jobs", "--no-headers").out


def test_age_counts_from_the_submit_and_ended_from_the_end(do: Do[Job]) -> None:
    async def read(store: Store) -> Job:
        return await store.inspector.job(await submit(store))

    open_job = do(read)
    job = replace(open_job, state=JobState.COMPLETED, ended_at=open_job.created_at + 5_000)
    cells = {column.name: column.cell(job, open_job.created_at + 90_000) for column in JOB_COLUMNS}
    assert (cells["AGE"], cells["ENDED"]) == ("1m30s", "1m25s ago")


def test_a_job_that_waits_for_reserved_workers_says_so(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, info={"workflow": "film"}))
    do(lambda store: submit(store, id="waits"))
    assert emp("jobs").lines[1].endswith("all workers that can run it are reserved for workflow film")
    assert "reserved for workflow film" in emp("job", "show", "waits").out
    assert json.loads(emp("jobs", "-o", "json").out)[0]["reserved_for"] == ["film"]


def test_the_formats_say_the_same(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="a", customer_id="acme"))
    assert emp("jobs", "-o", "ids").lines == ["a"]
    (row,) = json.loads(emp("jobs", "-o", "json").out)
    assert json.loads(emp("jobs", "-o", "jsonl").out) == row
    assert (row["id"], row["state"], row["customer_id"], row["unworkable"]) == ("a", "pending", "acme", True)
    assert row["created_at"].endswith("Z")
    (line,) = csv.DictReader(io.StringIO(emp("jobs", "-o", "csv").out))
    assert (line["id"], json.loads(line["requirements"])) == ("a", row["requirements"])


def test_what_is_left_out_is_said(emp: Command, do: Do[object]) -> None:
    for number in range(3):
        do(lambda store, number=number: submit(store, id=f"j{number}"))  # type: ignore[misc]
    said = emp("jobs", "-o", "ids", "--limit", "2")
    assert (said.lines, said.err) == (["j0", "j1"], "showing 2 of 3; --limit N or --all shows more\n")


def test_all_or_more_than_a_page_holds_are_shown_if_asked_for(emp: Command, do: Do[object]) -> None:
    do(lambda store: store.broker.submit_many([make_request(priority=number % 100) for number in range(1_050)]))
    assert len(emp("jobs", "-o", "ids").lines) == 50
    assert len(emp("jobs", "-o", "ids", "--limit", "1020").lines) == 1_020
    said = emp("jobs", "--all", "-o", "ids")
    assert (len(set(said.lines)), said.err) == (1_050, "")


def test_a_filter_finds_jobs_and_a_mistake_in_it_is_pointed_at(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="first", customer_id="acme"))
    do(lambda store: submit(store, id="second", customer_id="acme", priority=90))
    do(lambda store: submit(store, id="other", customer_id="zoo"))
    assert emp("jobs", "--where", "customer:a* status:pending", "-o", "ids").lines == ["second", "first"]
    assert emp("jobs", "--customer", "acme", "--where", "priority>50", "-o", "ids").lines == ["second"]
    assert emp("jobs", "--customer", "a*", "-o", "ids").lines == []
    wrong = emp("jobs", "--where", "status:pending custmer:acme")
    assert wrong.code == 2
    assert wrong.err.splitlines()[:2] == ["status:pending custmer:acme", "               ^^^^^^^"]
    assert "did you mean customer?" in wrong.err


def test_a_search_that_stops_says_how_far_it_came(
    emp: Command, do: Do[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_emp, "SEARCHED_AT_MOST", 30)
    do(lambda store: store.broker.submit_many([make_request(priority=number) for number in reversed(range(40))]))
    said = emp("jobs", "--where", "priority<20", "-o", "ids")
    assert len(said.lines) == 10
    assert said.err == "searched 30 of 40 jobs; 10 match; --search-all searches the rest\n"
    assert len(emp("jobs", "--where", "priority<20", "--search-all", "-o", "ids").lines) == 20


def test_filters(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="acmes", customer_id="acme"))
    do(lambda store: submit(store, id="large", requirements={"gpu_memory_gb": 80}))
    do(lambda store: register(store))
    assert emp("jobs", "--customer", "acme", "-o", "ids").lines == ["acmes"]
    assert emp("jobs", "--status", "active", "-o", "ids").lines == []
    assert emp("jobs", "-s", "pending", "-s", "failed", "-o", "ids").lines == ["acmes", "large"]


def test_only_what_can_never_run(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    do(lambda store: submit(store, id="fits"))
    do(lambda store: submit(store, id="large", requirements={"gpu_memory_gb": 80}))
    assert emp("jobs", "--unworkable", "-o", "ids").lines == ["large"]


def test_workers(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, gpu_model="RTX 4090", gpu_count=2))
    (_, row) = emp("workers").lines
    assert "gpu1:0" in row
    assert "2 x RTX 4090 24 GB" in row
    assert json.loads(emp("workers", "-o", "json").out)[0]["capabilities"]["gpu_memory_gb"] == 24
    assert emp("workers", "--service", "a1111", "-o", "ids").lines == []


def test_a_worker_that_missed_a_beat_is_marked_and_one_that_is_lost_is_told(emp: Command, do: Do[object]) -> None:
    do(register)

    async def fall_silent(store: Store) -> None:
        now = await store.inspector.now_ms()
        await store.link.call("HSET", store.link.key("worker:gpu1:0"), "beat", now - 20_500)
        await store.link.call("ZADD", store.link.key("workers"), now + 10_000, "gpu1:0")

    do(fall_silent)
    row = emp("workers").lines[1]
    assert "not seen for 2" in row
    assert "lost in " in row

    async def be_lost(store: Store) -> None:
        await end_worker(store, "gpu1:0")
        await reap(store)

    do(be_lost)
    said = emp("workers")
    assert (said.out, said.err.splitlines()[:2]) == ("", ["no worker is running", "1 more is lost: emp workers --all"])
    assert emp("workers", "-o", "json").err == ""
    assert "lost" in emp("workers", "--all").lines[1]


def test_held_jobs_are_listed_and_counted_as_such(emp: Command, do: Do[object]) -> None:
    for name in ("a", "b"):
        do(lambda store, name=name: submit(store, id=name))  # type: ignore[misc]
    emp("job", "hold", "a")
    assert emp("jobs", "--status", "held", "-o", "ids").lines == ["a"]
    assert emp("jobs", "-s", "held", "-s", "pending", "-o", "ids").lines == ["b", "a"]
    assert "held        1 of the delayed" in emp("summary").out


def test_a_held_job_is_not_said_to_fall_due(emp: Command, do: Do[object]) -> None:
    do(register)
    do(lambda store: submit(store, id="later", run_at=4_000_000_000_000))
    assert "due in " in emp("jobs").lines[1]
    emp("job", "hold", "later")
    assert "due" not in emp("jobs").lines[1]
    assert "due" not in emp("job", "show", "later").out


def test_a_job_that_waits_again_is_nobodys(emp: Command, do: Do[object]) -> None:
    async def return_one(store: Store) -> None:
        worker = await register(store)
        await submit(store, id="back")
        await worker.release(await worker.take())

    do(return_one)
    assert "gpu1:0" not in emp("jobs").lines[1]
    assert "last on     gpu1:0, attempt 1" in emp("job", "show", "back").out


def test_the_states_that_can_be_asked_for_are_those_that_are_shown() -> None:
    assert {*Status} == {*JobState, HELD}


def test_the_summary_counts_and_warns(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, requirements={"gpu_memory_gb": 80}))
    out = emp("summary").out
    assert "1 pending" in out
    assert "1 that no live worker can run" in out
    assert "memory only" in out
    view = json.loads(emp("summary", "--format", "json").out)
    assert (view["jobs"]["pending"], view["unworkable_jobs"], view["queue"]["durability"]) == (1, 1, "memory")
    assert emp("summary", "-o", "ids").code == 2


def test_summary_tells_which_kinds_wait_longest_and_which_can_never_run(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store, "gpu1:0", slots=2))
    do(lambda store: submit(store, customer_id="acme"))
    do(lambda store: submit(store, customer_id="globex"))
    do(lambda store: submit(store, requirements={"gpu_memory_gb": 8}))

    async def submit_too_large(store: Store) -> None:
        for size in range(81, 88):
            await submit(store, requirements={"gpu_memory_gb": size})

    do(submit_too_large)
    out = emp("summary").out
    assert "\noldest      2 ask for comfyui: oldest " in out
    assert ", 1 worker fits\n            1 asks for comfyui, gpu_memory_gb 8: oldest " in out
    assert (
        "\nnever       1 asks for comfyui, gpu_memory_gb 81: gpu1:0 would fit if gpu_memory_gb were 81 (has 24)" in out
    )
    assert "\n            and 2 other kinds of jobs\n" in out
    view = json.loads(emp("summary", "-o", "json").out)
    first, second = view["waiting"]
    assert (first["jobs"], first["workers"], first["slots"], first["free"]) == (2, 1, 2, 2)
    assert (first["requirements"], second["requirements"]["gpu_memory_gb"]) == ({"services": ["comfyui"]}, 8)
    assert first["oldest_seconds"] >= second["oldest_seconds"] >= 0
    assert [entry["jobs"] for entry in view["never"]] == [1] * 5
    assert view["never"][0]["why"] == "gpu1:0 would fit if gpu_memory_gb were 81 (has 24)"


def test_summary_says_when_it_did_not_read_all_kinds(
    emp: Command, do: Do[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "MOST_CLASSES", 2)
    monkeypatch.setattr(inspector, "CLASSES_AT_MOST", 2)

    async def submit_kinds(store: Store) -> None:
        for size in range(81, 86):
            await submit(store, requirements={"gpu_memory_gb": size})

    do(submit_kinds)
    out = emp("summary").out
    assert "\nwaiting     the oldest for at least " in out
    assert "\nstuck       at least 2 that no live worker can run" in out
    assert "\n            these are minimums: more kinds of jobs wait than were read\n" in out
    view = json.loads(emp("summary", "-o", "json").out)
    assert (view["unworkable_exact"], view["oldest_pending_exact"], view["kinds_exact"]) == (False, False, False)


def test_summary_tells_rates_waits_and_failures(emp: Command, do: Do[object]) -> None:
    async def run(store: Store) -> None:
        worker = await register(store)
        for _ in range(3):
            await submit(store)
        await worker.complete(await worker.take())
        await worker.fail(await worker.take(), retryable=False)

    do(run)
    lines = dict(line.split(maxsplit=1) for line in emp("summary").lines)
    assert re.fullmatch(r"\S+/min in, \S+/min out, waits p50 \S+ p95 \S+ \(last 5 minutes\)", lines["flow"])
    assert lines["failed"] == "1 in the last hour: 1 permanent"
    view = json.loads(emp("summary", "-o", "json").out)
    assert view["flow"]["in_per_minute"] > view["flow"]["out_per_minute"] > 0
    assert view["failures_last_hour"] == {"permanent": 1}


def test_summary_of_a_queue_that_counted_nothing_tells_no_rates(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    said = emp("summary").out
    assert "flow" not in said
    assert "0 in the last hour" not in said
    view = json.loads(emp("summary", "-o", "json").out)
    assert (view["flow"], view["failures_last_hour"]) == (None, None)


def test_a_completed_job_is_at_100_in_every_format(emp: Command, do: Do[object]) -> None:
    async def run(store: Store) -> None:
        worker = await register(store)
        await submit(store, id="done1")
        claim = await worker.take()
        await worker.report(claim, percent=60, message="sampling")
        await worker.complete(claim)

    do(run)
    for words in (("jobs",), ("job", "show", "done1")):
        said = json.loads(emp(*words, "-o", "json").out)
        assert (said[0] if isinstance(said, list) else said)["progress"] == 100


def test_events(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="a"))
    assert [event["name"] for event in json.loads(emp("events", "-o", "json").out)] == ["submitted"]
    assert emp("events", "-f", "-o", "csv").code == 2


def test_event_of_an_order_says_who_gave_it(emp: Command) -> None:
    emp("submit", "--service", "a", "--id", "order-1")
    emp("job", "cancel", "order-1", "-m", "wrong model")
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    assert emp("job", "events", "order-1").lines[-1].endswith(f"by {who}")
    assert json.loads(emp("events", "-o", "json").out)[-1]["actor"] == who


def test_audit_lists_orders_with_who_gave_them_and_why(emp: Command) -> None:
    assert emp("audit").err == "no order was given yet\n"
    emp("submit", "--service", "a", "--id", "order-1")
    emp("job", "hold", "order-1", "-m", "wait for the driver")
    emp("job", "requeue", "order-1")
    header, *lines = emp("audit").lines
    assert header.split() == ["TIME", "WHO", "ORDER", "SUBJECT", "OUTCOME", "REASON"]
    assert "job order-1  pending -> held  wait for the driver" in lines[0]
    assert "refused: held" in lines[1]
    held, refused = json.loads(emp("audit", "-o", "json").out)
    assert (held["verb"], held["subject"], held["role"], held["result"]) == ("hold", "order-1", "operator", "done")
    assert held["request"] != refused["request"]
    older = emp("audit", "--limit", "1", "--before", refused["cursor"], "-o", "ids")
    assert (older.out, held["cursor"] in older.err) == ("order-1\n", True)
    assert emp("audit", "--before", "yesterday").code == 2


def test_ids_of_events_are_those_of_the_jobs_each_once(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    do(lambda store: submit(store, id="a"))
    emp("job", "hold", "a", "-o", "ids")
    assert emp("events", "-o", "ids").lines == ["a"]


def test_events_that_come_stand_in_columns() -> None:
    event = Event(cursor="1-0", name="submitted", job="a", state="pending")
    later = Event(cursor="2-0", name="worker_ready", job="", worker="gpu1:0")
    lines = [event_line(event), event_line(later)]
    assert [line.split()[2:] for line in lines] == [["submitted", "a"], ["worker_ready", "gpu1:0"]]
    assert lines[0].index(" a") == lines[1].index(" gpu1:0")


def test_without_workers_it_says_how_to_start_one(emp: Command) -> None:
    said = emp("workers")
    assert (said.code, said.out) == (0, "")
    assert said.err == "no worker is running\nhint: emp worker start --services comfyui\n"
    assert emp("workers", "--service", "x").err == "nothing to show\n"


def test_watch_refuses_a_format_that_has_an_end(emp: Command) -> None:
    said = emp("jobs", "--watch", "-o", "json")
    assert (said.code, said.out) == (2, "")
    assert "-o jsonl" in said.err


def test_events_and_orders_of_a_span_of_time(emp: Command, do: Do[object]) -> None:
    do(lambda store: submit(store, id="a"))
    emp("job", "hold", "a")
    for words in (("events",), ("audit",), ("jobs",)):
        assert emp(*words, "--since", "1h", "--until", "0s", "-q").lines == emp(*words, "-q").lines == ["a"]
        assert emp(*words, "--since", "2100-01-01T00:00", "-q").lines == []
        assert emp(*words, "--until", "1h", "-q").lines == []
        assert emp(*words, "--since", "soon").code == 2
