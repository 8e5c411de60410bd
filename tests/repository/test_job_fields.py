"""Every file that lists the fields of a job has all fields of the one table. A failure names the file and the field."""

import dataclasses
import re
import types
import typing
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import pytest
import typer

from daemons.hub.api.answers import job_answer
from daemons.hub.api.schemas import jobs, submits
from emp_cli.commands.submit import app
from emp_cli.output.details import JobDetails, write_job
from emp_cli.submit.request import Asked, requests
from emp_core.client.situation import preview
from emp_core.domain.filter import FIELDS
from emp_core.domain.job import REQUEST_FIELDS, Job, JobRequest
from emp_core.domain.job_fields import JOB_FIELDS, PACKED, Form, JobField
from emp_core.domain.requirements import Requirements
from emp_core.domain.states import JobState
from emp_core.domain.views import job_view
from emp_core.store import Store
from emp_core.store.function_library import LUA
from emp_core.store.functions import function
from tests.core.domain.filter.jobs import NOW, make_job
from tests.support.builders import submit
from tests.support.snapshot import Look

SHOWN = [field for field in JOB_FIELDS if field.shown]
ASKED = [field for field in JOB_FIELDS if field.is_asked]

NOT_IN_JSON = {"class_id", "score", "lacking"}
"""Attributes of `Job` that only emp itself needs."""

IN_THE_BODY = {"payload", "template", "params"}
"""What the worker gets; the queue does not read it."""

OLDER_NAMES = {"job_id", "status", "worker_id"}
"""Of the REST API."""

COMPUTED_FILTERS = {"age", "wait"}

NOT_ON_THE_SCREEN = {"version", "lease_until", "on_lost", "avoid", "timeout_seconds", "error"}
"""`emp job show` leaves them to `-o json`; it shows the message of each failed attempt."""

PYTHON: Mapping[Form, type] = {
    Form.TEXT: str,
    Form.COUNT: int,
    Form.NUMBER: float,
    Form.TIME: str,
    Form.SECONDS: float,
    Form.MARK: bool,
    Form.LIST: list,
    Form.LABELS: dict,
    Form.OBJECT: dict,
}
"""What JSON has."""

LATER = 4_000_000_000_000

REQUEST: Mapping[str, Any] = {
    "id": "render-1",
    "service": "comfyui",
    "job_type": "upscale",
    "priority": 70,
    "payload": {"a": 1},
    "requirements": {"gpu_count": 2},
    "customer_id": "acme",
    "workflow_id": "w",
    "labels": {"batch": "42"},
    "workflow_datetime": 1_750_000_000_000,
    "depends_on": ["parent"],
    "on_dependency_failure": "run",
    "max_failures": 1,
    "on_lost": "fail",
    "timeout_seconds": 90,
    "queue_ttl_seconds": 3600,
    "run_at": LATER,
    "deadline": LATER + 1,
    "idempotency_key": "once",
}
"""Every field that can be stored together; none has its default."""

OPTIONS: Mapping[str, Any] = {
    "--service": "comfyui",
    "--type": "upscale",
    "--priority": 70,
    "--payload": "-",
    "--template": "portrait",
    "--set": ["a=1"],
    "--require": ["gpu_count=2"],
    "--customer": "acme",
    "--workflow-id": "w",
    "--label": ["batch=42"],
    "--depends-on": ["parent"],
    "--run-at": "2026-11-30T08:00Z",
    "--deadline": "1h",
    "--max-failures": 5,
    "--job-timeout": "90s",
    "--idempotency-key": "once",
    "--id": "render-1",
}
"""Each option of `emp submit` that sets a field, with a value."""

CHANGED: Mapping[Form, Any] = {
    Form.TEXT: "changed",
    Form.COUNT: 7,
    Form.NUMBER: 7.5,
    Form.TIME: NOW - 1_000_000,
    Form.SECONDS: 7.5,
    Form.MARK: True,
    Form.LIST: ("changed",),
    Form.LABELS: {"batch": "42"},
}
"""Another value than `make_job` has."""


def names(fields: Iterable[JobField]) -> set[str]:
    return {field.name for field in fields}


def same(where: str, found: Iterable[str], wanted: Iterable[str]) -> None:
    missing, unknown = set(wanted) - set(found), set(found) - set(wanted)
    assert not missing, f"{where} lacks {sorted(missing)}"
    assert not unknown, f"{where} has {sorted(unknown)}, which emp_core/domain/job_fields.py lacks"


def test_job_has_every_field_that_is_shown() -> None:
    attributes = {field.name for field in dataclasses.fields(Job)}
    properties = {name for name, value in vars(Job).items() if isinstance(value, property)}
    own = attributes - NOT_IN_JSON
    same("emp_core/domain/job.py: Job", own | (properties & names(SHOWN)), names(SHOWN))


def test_job_request_has_every_field_that_the_submitter_sets() -> None:
    attributes = {field.name for field in dataclasses.fields(JobRequest)} - {"sent"}
    same("emp_core/domain/job.py: JobRequest", attributes, names(ASKED))
    same("emp_core/domain/job.py: _READERS", REQUEST_FIELDS, names(ASKED))


def test_records_of_a_submit_are_those_of_the_table() -> None:
    sent = [field.sent for field in JOB_FIELDS if field.sent and field.name != "id"]
    wanted = ["id", "class", "requirements", *sent, "digest", "body"]
    same("submit_jobs.lua: RECORD", function("submit_jobs").header.fields, wanted)
    assert list(function("submit_jobs").header.fields) == wanted, "the order is that of the table"


def test_submitting_keeps_every_field_that_is_stored_as_sent() -> None:
    packed = {word for words in PACKED.values() for word in words}
    stored = {field.stored for field in JOB_FIELDS if field.sent and field.stored and field.stored not in packed}
    found = re.search(r"local kept_fields = \{(.*?)\}", (LUA / "lib" / "submitting.lua").read_text(), re.DOTALL)
    assert found is not None
    same("lua/lib/submitting.lua: kept_fields", re.findall(r"'(\w+)'", found[1]), stored)


async def test_a_job_has_every_field_of_its_request(store: Store, look: Look) -> None:
    same("this test: REQUEST", REQUEST, names(ASKED) - {"template", "params"})
    await submit(store, id="parent", customer_id="acme", run_at=LATER)
    request = JobRequest.parse(REQUEST)
    await store.broker.submit(request)
    job = await store.inspector.job("render-1")
    both = [field for field in SHOWN if field.is_asked]
    lost = [field.name for field in both if getattr(job, field.name) != getattr(request, field.name)]
    assert lost == [], "emp_core/store/codec.py does not read them as they were sent"
    stored = look().job("render-1")
    same("lua/lib/submitting.lua: the job's hash", stored, {*stored, *(field.stored for field in both if field.stored)})
    imagined = (await preview(store, request)).job
    lost = [field.name for field in both if getattr(imagined, field.name) != getattr(request, field.name)]
    assert lost == [], "emp_core/client/situation.py: preview() lacks them"


def test_json_of_a_job_has_every_field_in_the_order_of_the_table() -> None:
    assert list(job_view(make_job())) == [field.name for field in SHOWN]


@pytest.mark.parametrize(
    ("schema", "fields", "more"),
    [
        (jobs.Job, SHOWN, OLDER_NAMES),
        (submits.JobAsked, [field for field in ASKED if field.name not in IN_THE_BODY], {"job_id", "state", "status"}),
    ],
)
def test_schema_of_the_api_has_every_field_in_its_form(schema: Any, fields: list[JobField], more: set[str]) -> None:
    where = f"{schema.__module__}.{schema.__name__}"
    same(where, set(schema.model_fields) - more, names(fields))
    for field in fields:
        kind = schema.model_fields[field.name].annotation
        plain = typing.get_args(kind)[0] if isinstance(kind, types.UnionType) else kind
        found = typing.get_origin(plain) or plain
        if found is typing.Literal or issubclass(found, StrEnum):  # a closed list of words
            found = str
        assert found is PYTHON[field.form], f"{where}.{field.name} is {kind}"


def test_answers_of_the_api_have_every_field() -> None:
    same("daemons/hub/api/answers.py: job_answer", job_answer(make_job()), set(jobs.Job.model_fields))


def _options() -> dict[str, str]:
    """The options of `emp submit` -> the names of its parameters."""
    command: Any = typer.main.get_command(app)
    return {option: each.name for each in command.params for option in each.opts}


def test_emp_submit_has_every_option_of_the_table() -> None:
    options = {field.option for field in JOB_FIELDS if field.option}
    same("emp_cli/commands/submit.py", options & set(_options()), options)
    same("emp_cli/submit/request.py: Asked", {_options()[option] for option in options} & _asked(), _asked_by(options))
    same("this test: OPTIONS", OPTIONS, options)


def _asked() -> set[str]:
    return {field.name for field in dataclasses.fields(Asked)}


def _asked_by(options: Iterable[str]) -> set[str]:
    return {_options()[option] for option in options}


@pytest.mark.parametrize("field", [field for field in JOB_FIELDS if field.option], ids=lambda field: field.name)
def test_option_of_emp_submit_sets_its_field(field: JobField) -> None:
    template = {"template": "portrait"} if field.name == "params" else {}
    asked = Asked(**{"service": "comfyui", **template, _options()[field.option]: OPTIONS[field.option]})
    (line,) = requests(asked, {"payload": '{"a": 1}'}, NOW)
    assert field.name in line.body, f"emp_cli/submit/request.py makes nothing of {field.option}"


@pytest.mark.parametrize("field", SHOWN, ids=lambda field: field.name)
def test_emp_job_show_says_every_field(field: JobField, capsys: pytest.CaptureFixture[str]) -> None:
    if field.name in {*NOT_ON_THE_SCREEN, "service", "job_type"}:
        return

    def screen(**changes: Any) -> str:
        job = make_job(
            **{"failures": 1, "attempt": 1, "worker": "gpu1:0", "claimed_at": NOW, "ended_at": NOW, **changes}
        )
        write_job(JobDetails(job=job, outcome=None, attempts=()), NOW)
        return capsys.readouterr().out

    special = {"requirements": Requirements(gpu_count=2), "state": JobState.FAILED}
    change = {field.name: special.get(field.name, CHANGED.get(field.form))}
    assert any(screen(**{"state": state, **change}) != screen(state=state) for state in JobState), (
        f"emp_cli/output/details.py does not show {field.name}"
    )


def test_filters_read_the_fields_of_the_table() -> None:
    filters = {name for name, field in FIELDS.items() if field.asks is None or name in ("service", "type", "customer")}
    read = {field.filter for field in JOB_FIELDS if field.filter}
    same("emp_core/domain/filter/fields.py", filters - COMPUTED_FILTERS, read)
