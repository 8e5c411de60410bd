"""Labels through the command: `emp submit --label`, and every view that shows them."""

import json

from emp_core.domain.filter import parse
from emp_core.store import Store
from tests.cli.conftest import Command, Do
from tests.support.builders import register

BATCH = ("--label", "batch=42", "--label", "user=ann=1")


def test_label_of_submit_is_shown_by_every_view(emp: Command, do: Do[object]) -> None:
    do(lambda store: register(store))
    job = emp("submit", "--service", "comfyui", *BATCH).out.strip()
    labels = {"batch": "42", "user": "ann=1"}
    assert "labels      batch=42, user=ann=1" in emp("job", job).lines
    assert json.loads(emp("job", job, "-o", "json").out)[0]["labels"] == labels
    assert json.loads(emp("jobs", "-o", "json").out)[0]["labels"] == labels
    assert json.loads(emp("explain", job, "-o", "json").out)["labels"] == labels
    assert "  labels: batch=42, user=ann=1" in emp("explain", job).lines
    header, row = emp("jobs").lines
    assert header.split()[-2:] == ["LABELS", "NOTE"] or header.split()[-1] == "LABELS"
    assert "batch=42, user=ann=1" in row


def test_jobs_has_no_column_for_labels_that_no_job_has(emp: Command) -> None:
    emp("submit", "--service", "comfyui")
    assert "LABELS" not in emp("jobs").out


def test_label_of_submit_is_put_over_the_labels_of_each_line(emp: Command) -> None:
    lines = ['{"service": "a", "labels": {"batch": "1", "user": "ann"}}', '{"service": "b"}']
    said = emp("submit", "-", "--label", "batch=42", stdin="\n".join(lines))
    views = [json.loads(emp("job", job, "-o", "json").out)[0]["labels"] for job in said.lines]
    assert views == [{"batch": "42", "user": "ann"}, {"batch": "42"}]


def test_wrong_label_exits_2_and_is_named(emp: Command) -> None:
    for label, message in (
        ("batch", "label: must be name=value, not 'batch'"),
        ("a b=1", "labels: the name 'a b' must have 1 to 63 of A-Z a-z 0-9 . _ / -"),
        ("batch=\x1b[31m", r"labels.batch: has a character that cannot be printed: '\x1b'"),
    ):
        said = emp("submit", "--service", "x", "--label", label)
        assert said.code == 2
        assert message in said.err
    twice = emp("submit", "--service", "x", "--label", "a=1", "--label", "a=2")
    assert (twice.code, "label: a is given 2 times" in twice.err) == (2, True)
    lines = emp("submit", "-", "--label", "a=1", stdin='{"service": "x", "labels": ["b"]}\n{"service": "y"}')
    assert (lines.code, len(lines.lines)) == (2, 1)
    assert "line 1: labels: must be an object" in lines.err


def test_submit_with_the_same_key_and_another_label_is_a_conflict(emp: Command) -> None:
    first = emp("submit", "--service", "x", "--idempotency-key", "k", "--label", "a=1")
    again = emp("submit", "--service", "x", "--idempotency-key", "k", "--label", "a=1")
    assert again.out == first.out
    assert emp("submit", "--service", "x", "--idempotency-key", "k", "--label", "a=2").code != 0
    assert emp("submit", "--service", "x", "--idempotency-key", "k").code != 0


def test_filter_finds_a_stored_job_by_its_label(emp: Command, do: Do[object]) -> None:
    emp("submit", "--service", "x", "--id", "render-1", *BATCH)

    async def matching(store: Store) -> list[bool]:
        job = await store.inspector.job("render-1")
        texts = (
            "label.batch:42",
            "label.batch:4*",
            "label.batch:*",
            "label.batch:43",
            "label.other:*",
            "-label.user:ann*",
        )
        return [parse(text).matches(job, 0) for text in texts]

    assert do(matching) == [True, True, True, False, False, False]
