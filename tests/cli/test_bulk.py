"""emp submit with many lines, and what is to be done when an answer is lost."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emp_cli.submit import bulk
from emp_core.errors import QueueUnavailable
from emp_core.store import Link, Store
from tests.cli.conftest import Command, Do, Said, Shell, first_line, interrupt
from tests.support.redis_server import Server

LoseAnswer = Callable[[int], None]


@pytest.fixture
def lose_answer(monkeypatch: pytest.MonkeyPatch) -> LoseAnswer:
    """Has the answer to the n-th submit call be lost: Redis did what it was asked, and does not say so."""
    run = Link.run

    def arrange(number: int) -> None:
        calls: list[str] = []

        async def lossy(link: Link, name: str, *records: Any, **arguments: Any) -> Any:
            answer = await run(link, name, *records, **arguments)
            calls.append(name)
            if name == "submit_jobs" and calls.count(name) == number:
                raise QueueUnavailable("redis_unavailable", "Redis does not answer")
            return answer

        monkeypatch.setattr(Link, "run", lossy)

    return arrange


@pytest.fixture
def ten(surroundings: Path) -> str:
    """A file of ten requests."""
    lines = [json.dumps({"service": "x", "payload": {"n": number}}) for number in range(10)]
    (surroundings / "ten.jsonl").write_text("\n".join(lines) + "\n")
    return "ten.jsonl"


def batch_of(said: Said) -> str:
    return said.err.partition(":")[0].removeprefix("batch ")


def count(emp: Command) -> int:
    return len(emp("jobs", "-o", "ids", "--limit", "1000").lines)


def test_bulk_submit_prints_its_batch_and_ids_that_follow_from_it(emp: Command, ten: str) -> None:
    said = emp("submit", ten)
    assert said.code == 0
    assert said.err.startswith(f"batch {batch_of(said)}: 10 requests\n")
    assert said.lines == [f"{batch_of(said)}-{number:02}" for number in range(1, 11)]


def test_bulk_line_with_its_own_id_or_key_keeps_it(emp: Command) -> None:
    lines = '{"service": "x", "id": "mine"}\n\n{"service": "x", "idempotency_key": "k"}\n'
    first, second = emp("submit", "-", stdin=lines), emp("submit", "-", stdin=lines)
    assert first.lines == ["mine", f"{batch_of(first)}-3"]
    assert second.lines == first.lines
    assert "2 of 2 jobs are stored, 2 were stored before" in second.err


def test_bulk_ids_are_written_as_jsonl_with_the_state(emp: Command, ten: str) -> None:
    views = [json.loads(line) for line in emp("submit", ten, "-o", "jsonl").lines]
    assert [view["state"] for view in views] == ["pending"] * 10
    assert len(json.loads(emp("submit", ten, "-o", "json").out)) == 10


def test_bulk_whose_answer_is_lost_exits_5_and_the_printed_command_sends_what_is_missing(
    emp: Command, ten: str, monkeypatch: pytest.MonkeyPatch, lose_answer: LoseAnswer
) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 4)
    lose_answer(2)
    said = emp("submit", ten, "--delay", "10m")
    assert (said.code, len(said.lines)) == (5, 4)
    assert "error: Redis does not answer; 4 of 10 jobs are stored\nhint: go on with:\n" in said.err
    *_, again = said.err.splitlines()
    assert again == f"emp submit ten.jsonl --delay 10m --resume {batch_of(said)}"
    resumed = emp(*shlex.split(again)[1:])
    assert (resumed.code, len(resumed.lines), count(emp)) == (0, 10, 10)
    assert resumed.lines[:4] == said.lines
    assert "10 of 10 jobs are stored, 8 were stored before" in resumed.err


def test_resume_runs_no_deleted_job_again(emp: Command, ten: str, do: Do[object]) -> None:
    ids = emp("submit", ten).lines

    async def end(store: Store) -> None:
        for job_id in ids[:2]:
            await store.broker.cancel(job_id)
        await store.upkeep.delete(ids[:2])

    do(end)
    resumed = emp("submit", ten, "--resume", ids[0].partition("-")[0])
    assert (resumed.code, resumed.lines, count(emp)) == (0, ids[2:], 8)
    assert "8 of 10 jobs are stored, 8 were stored before, 2 were deleted since" in resumed.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--resume", "BATCH", "--priority", "0"), "had other requests: the file or the options have changed"),
        (("--resume", "nonsense"), "'nonsense' is not a batch"),
        (("--id", "x"), "id: works with one job only"),
        (("--idempotency-key", "x"), "idempotency_key: works with one job only"),
    ],
)
def test_bulk_with_other_options_is_refused(emp: Command, ten: str, words: tuple[str, ...], message: str) -> None:
    batch = batch_of(emp("submit", ten))
    said = emp("submit", ten, *(batch if word == "BATCH" else word for word in words))
    assert (said.code, said.out, count(emp)) == (2, "", 10)
    assert message in said.err


def test_resume_refuses_a_changed_file(emp: Command, ten: str, surroundings: Path) -> None:
    batch = batch_of(emp("submit", ten))
    with (surroundings / ten).open("a") as file:
        file.write('{"service": "x"}\n')
    assert emp("submit", ten, "--resume", batch).code == 2
    assert emp("submit", "--service", "x", "--resume", batch).code == 2
    assert count(emp) == 10


def test_bad_lines_are_told_20_in_full_then_counted_and_keep_no_other(emp: Command) -> None:
    lines = ['{"service": "x"}', "nope", *['{"service": "x", "priority": 101}'] * 25, '{"service": "y"}']
    said = emp("submit", "-", stdin="\n".join(lines))
    assert (said.code, len(said.lines)) == (2, 2)
    assert said.err.count("error: line ") == 20
    assert "error: line 2: is not JSON" in said.err
    assert "error: line 3: priority: must be 0 to 100, not 101" in said.err
    assert "error: 6 more lines were refused" in said.err
    assert "2 of 28 jobs are stored, 26 refused" in said.err


def test_item_of_a_list_that_is_json_text_is_no_request(emp: Command) -> None:
    said = emp("submit", "-", stdin=json.dumps([{"service": "x"}, '{"service": "x"}']))
    assert (said.code, len(said.lines)) == (2, 1)
    assert "error: -[2]: must be a JSON object" in said.err


def test_line_ends_are_line_feeds_only(emp: Command) -> None:
    said = emp("submit", "-", stdin='{"service": "x", "payload": {"a": "\u2028 \x85"}}\r\n{"service": "x"}\r\n')
    assert (said.code, len(said.lines)) == (0, 2)


def test_input_over_the_limit_is_refused(emp: Command, ten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emp_cli.submit.request.MAX_INPUT", 100)
    for words, stdin in (((ten,), ""), (("-",), "x" * 101)):
        said = emp("submit", *words, stdin=stdin)
        assert (said.code, "max_input_characters" in said.err) == (2, True)


def test_ctrl_c_in_a_bulk_submit_says_what_is_stored_and_how_to_go_on(
    shell: Shell, surroundings: Path, do: Do[Any]
) -> None:
    # More ids than the pipe holds: the command cannot end before the test reads them.
    (surroundings / "many.jsonl").write_text('{"service": "x"}\n' * 6_000)
    with shell.begin("submit", "many.jsonl") as process:
        assert first_line(process.stdout)
        said = interrupt(process)
    assert said.code == 130
    *_, told, again = said.err.splitlines()
    assert again == f"emp submit many.jsonl --resume {batch_of(said)}"
    number, rest = told.split(" ", 1)
    assert rest == f"of 6000 jobs are stored, and up to {bulk.AT_ONCE} more may be; go on with:"
    stored = do(lambda store: store.inspector.summary()).jobs["pending"]
    assert int(number) <= stored <= int(number) + bulk.AT_ONCE < 6_000


def test_bulk_whose_ids_nobody_reads_is_stored_whole(shell: Shell, surroundings: Path, do: Do[Any]) -> None:
    (surroundings / "many.jsonl").write_text('{"service": "x"}\n' * 300)
    with shell.begin("submit", "many.jsonl") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait() == 0
    assert do(lambda store: store.inspector.summary()).jobs["pending"] == 300


# One job.


@pytest.mark.parametrize("words", [(), ("--idempotency-key", "k"), ("--id", "mine")])
def test_lost_answer_exits_5_and_the_printed_command_stores_the_job_once(
    emp: Command, lose_answer: LoseAnswer, words: tuple[str, ...]
) -> None:
    lose_answer(1)
    said = emp("submit", "--service", "x", "--set", "text=a  'b'", "--delay", "10m", "--deadline", "1h", *words)
    assert (said.code, said.out) == (5, "")
    told, hint, again = said.err.splitlines()
    assert told.startswith("error: Redis does not answer; job ")
    assert told.endswith(" may be stored")
    assert hint == "hint: submit it again with the same input, and it is stored once:"
    job_id = told.split()[-4]
    repeated = emp(*shlex.split(again)[1:])
    assert (repeated.code, repeated.lines, count(emp)) == (0, [job_id], 1)
    if not words:
        assert again.endswith(f" --id {job_id}")


def test_password_is_not_part_of_the_printed_command(
    emp: Command, server: Server, monkeypatch: pytest.MonkeyPatch, lose_answer: LoseAnswer
) -> None:
    lose_answer(1)
    monkeypatch.setenv("REDIS_URL", "redis://nowhere:1")
    url = server.url.replace("unix://", "unix://:secret@") if "secret" not in server.url else server.url
    server.client.config_set("requirepass", "secret")
    try:
        said = emp("submit", "--service", "x", "--redis", url)
    finally:
        server.client.execute_command("AUTH", "secret")
        server.client.config_set("requirepass", "")
    assert said.code == 5
    assert "secret" not in said.err
    assert "--redis" in said.err
