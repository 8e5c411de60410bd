"""A waiting job as a line of JSON: a request as a submit takes it, and what the queue knows beside it.

    {"id":"a7x…","priority":50,"tick":1928374,"created_at":"2026-11-30T15:00:00.000Z","requirements":{"services":["comfyui"]},
     …,"waits_for":[],"digest":"2:…","payload":{…}}

The names are those of the table of a job's fields. What has its default is left out.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from emp_core.domain import values
from emp_core.domain.job import JobRequest
from emp_core.domain.job_fields import JOB_FIELDS, Form
from emp_core.domain.json_text import load_json
from emp_core.domain.ordering import LAST_TICK, parts, score, tick_at
from emp_core.domain.views import time_view
from emp_core.errors import InvalidInput
from emp_core.store.codec import READ, WRITE
from emp_core.store.transfers import CARRIED, WaitingJob

VERSION = 1
"""Of the form. A reader refuses another one."""

Line = dict[str, Any]


class Numbered(NamedTuple):
    """A job and the number of its line."""

    number: int
    job: WaitingJob


_ROWS = [row for row in JOB_FIELDS if row.stored in CARRIED and row.name != "priority"]
_ASKED = [row for row in _ROWS if row.is_asked]
_KNOWN = [row for row in _ROWS if not row.is_asked]
"""What only the queue sets."""

BODY = ("payload", "template", "params")

OWN = ("tick", "waits_for", "workflow_place", "queue_ttl_left_seconds", "digest", "payload_in_file")
"""What a line has beside the fields of a job."""

FIELDS = ("id", "requirements", "priority", *(row.name for row in _ROWS), *OWN, *BODY)

MAX_COUNT = 2**53
MAX_SAID = 1_000
_LAST_MS = 253_402_300_799_999


def line_of(job: WaitingJob) -> Line:
    """The line of a job."""
    had = job.values
    priority, tick = parts(int(had["score"]))
    line: Line = {"id": job.id, "priority": priority, "tick": tick, "requirements": job.requirements.to_json()}
    for row in _ROWS:
        text = had.get(row.stored, row.default)
        if text != row.default and (row.form, text) != (Form.COUNT, "0"):
            value = READ[row.form](text)
            line[row.name] = time_view(value) if row.form is Form.TIME else value
    line["waits_for"] = job.waits_for
    if job.workflow:
        line["workflow_place"] = dict(zip(("priority", "tick", "next"), job.workflow, strict=True))
    if "ttl_left" in had:
        line["queue_ttl_left_seconds"] = int(had["ttl_left"]) / 1000
    line["digest"] = had["digest"]
    return line | (load_json(job.body) if job.body else {"payload_in_file": True})


def read_line(line: Mapping[str, Any]) -> WaitingJob:
    """The job of a line. Raises `InvalidInput` or `LimitExceeded` with the field's name."""
    values.refuse_unknown("", values.read_mapping("the line", line), FIELDS)
    given = {name: value for name, value in line.items() if value is not None}
    job_id = values.read_id("id", given.get("id", ""))
    created = _read_time("created_at", given.get("created_at", ""))
    in_file = _read_mark("payload_in_file", given.get("payload_in_file", False))
    request = _request(given, in_file=in_file)
    asked = {row.stored: _text(row.form, getattr(request, row.name)) for row in _ASKED}
    had = {row.stored: asked[row.stored] for row in _ASKED if asked[row.stored] != row.default}
    had |= {row.stored: _text(row.form, _READERS[row.form](row.name, given.get(row.name))) for row in _KNOWN}
    tick = values.read_int("tick", given.get("tick", tick_at(created)), maximum=LAST_TICK)
    left = values.read_number("queue_ttl_left_seconds", given.get("queue_ttl_left_seconds", 0), maximum=_LAST_MS / 1000)
    had |= {
        "score": str(score(request.priority, tick)),
        "digest": values.read_text("digest", given.get("digest", request.digest())),
        "ttl_left": WRITE[Form.SECONDS](left) if "queue_ttl_left_seconds" in given else "",
    }
    waits_for = tuple(_read_ids("waits_for", given.get("waits_for")))
    return WaitingJob(
        id=job_id,
        requirements=request.requirements,
        values={name: text for name, text in had.items() if text},
        waits_for=waits_for,
        workflow=_workflow_place(given, request.priority, tick) if request.workflow_id else None,
        body=None if in_file else request.body_text(),
    )


def _request(given: Mapping[str, Any], *, in_file: bool) -> JobRequest:
    """The part of a line that the submitter asked for."""
    asked = {row.name for row in _ASKED} | {"priority", "requirements", *BODY}
    body = {name: value for name, value in given.items() if name in asked}
    if "deadline" in body:
        body["deadline"] = _read_time("deadline", body["deadline"])
    if in_file and any(name in body for name in BODY):
        raise InvalidInput("payload_in_file", "is true, but the line has a payload too")
    return JobRequest.parse(body)


def _workflow_place(given: Mapping[str, Any], priority: int, tick: int) -> tuple[int, int, int]:
    place = values.read_mapping("workflow_place", given.get("workflow_place", {}))
    values.refuse_unknown("workflow_place", place, ("priority", "tick", "next"))
    return (
        values.read_int("workflow_place.priority", place.get("priority", priority), maximum=100),
        values.read_int("workflow_place.tick", place.get("tick", tick), maximum=LAST_TICK),
        values.read_int("workflow_place.next", place.get("next", 1), maximum=MAX_COUNT),
    )


def _text(form: Form, value: Any) -> str:
    if value in (None, "", False, (), {}):
        return ""
    return "1" if form is Form.MARK else WRITE[form](value)


def _read_time(name: str, value: object) -> int:
    """ms since 1970, of RFC 3339."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise InvalidInput(name, f"must be a time such as 2026-11-30T15:00:00.000Z, not {values.shown(value)}")
    return values.read_int(name, round(time.timestamp() * 1000), maximum=_LAST_MS)


def _read_ids(name: str, value: object) -> list[str]:
    if not isinstance(value, list | tuple | None):
        raise InvalidInput(name, f"must be a list of job ids, not {values.shown(value)}")
    return [values.read_id(f"{name}[{place}]", each) for place, each in enumerate(value or ())]


def _read_mark(name: str, value: object) -> bool:
    if not isinstance(value, bool | None):
        raise InvalidInput(name, f"must be true or false, not {values.shown(value)}")
    return bool(value)


def _read_said(name: str, value: object) -> str:
    """What a worker reported, which may be any text."""
    if not isinstance(value, str) or len(value) > MAX_SAID:
        raise InvalidInput(name, f"must be text of at most {MAX_SAID} characters, not {values.shown(value)}")
    return value


def _or_none(read: Callable[[str, object], Any]) -> Callable[[str, object], Any]:
    return lambda name, value: None if value is None else read(name, value)


_READERS: Mapping[Form, Callable[[str, object], Any]] = {
    Form.TEXT: _or_none(_read_said),
    Form.COUNT: _or_none(lambda name, value: values.read_int(name, value, maximum=MAX_COUNT)),
    Form.TIME: _or_none(_read_time),
    Form.MARK: _read_mark,
}
