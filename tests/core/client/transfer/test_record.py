"""The line of a waiting job."""

from typing import Any

import pytest

from emp_core.client.transfer.record import line_of, read_line
from emp_core.domain.job_fields import JOB_FIELDS
from emp_core.domain.json_text import dump_json, load_json
from emp_core.errors import InvalidInput
from emp_core.store.functions import function
from emp_core.store.transfers import CARRIED, LEFT_BEHIND, WaitingJob
from tests.support.builders import make_request

LINE: dict[str, Any] = {
    "id": "render-1",
    "priority": 70,
    "tick": 1_931_593_280_381,
    "requirements": {"services": ["comfyui"], "gpu_count": 2, "customer_id": "acme"},
    "attempt": 4,
    "gen": 1,
    "version": 9,
    "failures": 1,
    "losses": 1,
    "releases": 1,
    "max_failures": 5,
    "customer_id": "acme",
    "workflow_id": "w",
    "labels": {"batch": "42"},
    "idempotency_key": "once",
    "code": "error",
    "cause": "out_of_memory",
    "error": "it broke\u0085 badly",
    "held": True,
    "on_lost": "requeue",
    "depends_on": ["parent"],
    "timeout_seconds": 90.5,
    "created_at": "2026-11-30T15:00:00.123Z",
    "due_at": "2026-11-30T16:00:00.000Z",
    "deadline": "2096-11-30T16:00:00.000Z",
    "claimed_at": "2026-11-30T15:10:00.000Z",
    "started_at": "2026-11-30T15:05:00.000Z",
    "queue_ttl_seconds": 3600.0,
    "on_dependency_failure": "run",
    "waits_for": ["parent"],
    "workflow_place": {"priority": 60, "tick": 1_931_593_280_000, "next": 7},
    "queue_ttl_left_seconds": 12.345,
    "digest": "2:smhay240qtvd",
    "payload": {"seed": 2**70, "steps": 20.0, "empty": []},
}
"""Every field, none with its default but `on_lost`, which cannot stand beside `max_failures`."""


def test_line_reads_back_as_the_same_job() -> None:
    job = read_line(LINE)
    again = read_line(load_json(dump_json(line_of(job))))
    assert again == job
    assert {name: value for name, value in LINE.items() if name != "on_lost"} == load_json(dump_json(line_of(job)))


def test_line_has_every_stored_field_of_the_table_or_leaves_it_behind() -> None:
    stored = {row.name for row in JOB_FIELDS if row.stored}
    assert stored - set(LINE) == LEFT_BEHIND


def test_import_jobs_takes_what_a_record_carries() -> None:
    fields = function("import_jobs").header.fields
    assert fields[7:-1] == CARRIED, "the order is that of the table"
    assert len(read_line(LINE).record()) == len(fields)


def test_line_without_a_place_gets_that_of_its_creation() -> None:
    line = {"id": "a", "created_at": "2026-11-30T15:00:00Z", "requirements": {"services": ["comfyui"]}, "payload": {}}
    first = read_line(line)
    later = read_line({**line, "created_at": "2026-11-30T15:00:01Z"})
    assert int(first.values["score"]) > int(later.values["score"])
    assert first.values["digest"] == make_request(payload={}, service=None, requirements=line["requirements"]).digest()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "no id"}, "id: must be 1 to 128"),
        ({"prioritty": 1}, "prioritty: is not a known field; did you mean priority?"),
        ({"created_at": "yesterday"}, "created_at: must be a time such as 2026-11-30T15:00:00.000Z, not 'yesterday'"),
        ({"created_at": "2026-11-30T15:00:00"}, "created_at: must be a time"),
        ({"tick": -1}, "tick: must be 0 to"),
        ({"waits_for": "parent"}, "waits_for: must be a list of job ids"),
        ({"waits_for": ["{emp}"]}, "waits_for[0]: must be 1 to 128"),
        ({"held": 1}, "held: must be true or false, not 1"),
        ({"error": "x" * 2000}, "error: must be text of at most 1000 characters"),
        ({"payload_in_file": True}, "payload_in_file: is true, but the line has a payload too"),
        ({"requirements": {"gpus": 1}}, "requirements.gpus: is not a known field"),
        ({"workflow_place": {"tik": 1}}, "workflow_place.tik: is not a known field"),
    ],
)
def test_wrong_field_is_named_with_its_value(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_line({**LINE, **changes})
    assert error.value.message.startswith(said)


def test_line_whose_payload_lies_in_a_file_has_no_body() -> None:
    job: WaitingJob = read_line({**LINE, "payload": None, "payload_in_file": True})
    assert job.body is None
    assert line_of(job)["payload_in_file"] is True
