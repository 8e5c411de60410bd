"""The waiting jobs of emp's predecessors as lines of an export.

They had three ways to write one order (and two of them were wrong), so a job's place follows from its own fields: the
priority, then the time of the submit; a workflow's steps have the priority and the time of their workflow.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import IO, Any

from emp_core.client.imagined import imagined
from emp_core.client.transfer.record import VERSION, Line
from emp_core.domain.dialects import canonical_request
from emp_core.domain.filter import Filter
from emp_core.domain.job import Job, JobRequest
from emp_core.domain.json_text import dump_json, parse_json
from emp_core.domain.ordering import MAX_PRIORITY, MIN_PRIORITY, score, tick_at
from emp_core.domain.values import cut, shown
from emp_core.domain.views import time_view
from emp_core.errors import EmpError, InvalidInput
from emp_core.store.predecessors import LAYOUTS, read_entries

DEFAULT_RETRIES = 3

_SECONDS_BELOW = 1e11
"""A time below it is in seconds, another in ms."""

_MS_BELOW = 1e14

_JSON = ("payload", "requirements")
_TAKEN = ("customer_id", "workflow_id", "priority", "workflow_priority", "requirements")
_STEP = ("step_number", "current_step")
_SERVICE = ("service_required", "service_type", "job_type", "type")
_BODY = ("job_request_payload", "payload", "params")


@dataclass(slots=True)
class Written:
    """What became of the jobs in the lists of a predecessor."""

    ids: list[str] = field(default_factory=list[str])
    """Those in the export, line by line after the header."""

    unmatched: int = 0
    """Waiting jobs that the filter leaves out."""

    not_waiting: Counter[str] = field(default_factory=Counter[str])
    """Status -> jobs that have it and stay; these lists keep jobs that have started or ended."""


async def write_export(
    url: str,
    layout: str,
    stream: IO[bytes],
    refuse: Callable[[str, EmpError], None],
    note: Callable[[str], None],
    *,
    wanted: Filter,
    now: int,
) -> Written:
    """Write the waiting jobs of a predecessor that match a filter, at a time in ms since 1970, as an export.

    `refuse` is told of each job that cannot be read, `note` of each value that is stored as another one.
    """
    if layout not in LAYOUTS:
        raise InvalidInput("layout", f"must be one of {', '.join(LAYOUTS)}, not {shown(layout)}")
    stream.write(dump_json({"emp_export": VERSION, "layout": layout}) + b"\n")
    written = Written()
    async for job_id, fields in read_entries(url, layout):
        status = fields.get("status")
        if status not in LAYOUTS[layout].statuses:
            written.not_waiting["without a record" if status is None else cut(status)] += 1
            continue
        try:
            line, job, notes = line_of(layout, job_id, fields)
        except InvalidInput as error:
            refuse(job_id, error)
            continue
        if not wanted.matches(job, now):
            written.unmatched += 1
            continue
        for changed in notes:
            note(f"job {job_id}: {changed}")
        written.ids.append(job_id)
        stream.write(dump_json(line) + b"\n")
    stream.write(dump_json({"end": True, "jobs": len(written.ids)}) + b"\n")
    stream.seek(0)
    return written


def line_of(layout: str, job_id: str, fields: Mapping[str, str]) -> tuple[Line, Job, list[str]]:
    """The line of a job, the job itself, and what was changed in it. Raises `InvalidInput` with the field's name."""
    had = {name: text for name, text in fields.items() if text != ""}
    notes: list[str] = []
    body: dict[str, Any] = {name: had[name] for name in _TAKEN if name in had}
    if "requirements" in body:
        body["requirements"] = parse_json("requirements", body["requirements"])
    body["payload"] = next((parse_json(name, had[name]) for name in _BODY if name in had), {})
    body["service_required"] = next((had[name] for name in _SERVICE if name in had), None)
    for name in ("priority", "workflow_priority"):
        if name in body:
            body[name] = _priority(name, body[name], notes)
    # The Python hub counted the runs after the first one.
    runs = _whole("max_retries", had.get("max_retries", str(DEFAULT_RETRIES))) + (layout == "emp-redis")
    request = JobRequest.parse({**canonical_request(body), "max_failures": min(max(runs, 1), 100)})
    created = _time("created_at", had.get("created_at", ""))
    place = _time("workflow_datetime", had["workflow_datetime"]) if "workflow_datetime" in had else created
    # The steps of a workflow have one time, and would start in the order of their ids.
    step = next((_whole(name, had[name]) for name in _STEP if name in had), 0) if "workflow_id" in had else 0
    failures = min(_whole("retry_count", had.get("retry_count", "0")), request.max_failures - 1)
    line: Line = {
        "id": job_id,
        "priority": request.priority,
        "tick": tick_at(place) + step,
        "requirements": request.requirements.to_json(),
        "customer_id": request.customer_id,
        "workflow_id": request.workflow_id,
        "timeout_seconds": request.timeout_seconds,
        "max_failures": request.max_failures,
        "attempt": failures,
        "failures": failures,
        "created_at": time_view(round(created)),
        "digest": request.digest(),
        "payload": request.payload,
    }
    job = imagined(request, round(created), {}, score(request.priority, line["tick"]))
    return line, replace(job, id=job_id, attempt=failures, failures=failures), notes


def _priority(name: str, text: str, notes: list[str]) -> int:
    asked = round(_number(name, text))
    kept = min(max(asked, MIN_PRIORITY), MAX_PRIORITY)
    if kept != asked:
        notes.append(f"{name} {asked} is stored as {kept}")
    return kept


def _time(name: str, text: str) -> float:
    """ms since 1970, of ISO 8601, of seconds or of ms."""
    try:
        value = float(text)
    except ValueError:
        value = _iso(name, text)
    if not 0 <= value < _MS_BELOW:
        raise InvalidInput(name, f"is no time: {shown(text)}")
    return value if value >= _SECONDS_BELOW else value * 1000


def _iso(name: str, text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(name, f"is no time: {shown(text)}") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000


def _whole(name: str, text: str) -> int:
    return max(0, round(_number(name, text)))


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise InvalidInput(name, f"must be a number, not {shown(text)}") from None
    if not abs(number) < 1e9:
        raise InvalidInput(name, f"must be a number, not {shown(text)}")
    return number
