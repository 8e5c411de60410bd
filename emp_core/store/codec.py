"""Domain objects to and from what lies in Redis."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Protocol

from emp_core.domain.capabilities import Capabilities, capabilities_of
from emp_core.domain.gpu_memory import memory_of
from emp_core.domain.job import Job, JobRequest
from emp_core.domain.job_fields import JOB_FIELDS, PACKED, Form
from emp_core.domain.json_text import load_json
from emp_core.domain.labels import labels_of, labels_text
from emp_core.domain.ordering import parts
from emp_core.domain.requirements import Requirements, requirements_of
from emp_core.domain.states import WAITING, JobState
from emp_core.domain.worker import LastFailure, ServiceOutage, Worker, WorkerState
from emp_core.errors import InvalidInput

Record = tuple[str | bytes, ...]


class ClaimKey(Protocol):
    """What a worker signs its writes about a job with."""

    @property
    def job_id(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def nonce(self) -> str: ...


NO_CAUSE = "error"
"""The code of a failure whose connector says nothing particular."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A job that a worker was given."""

    job_id: str
    attempt: int
    nonce: str
    class_id: str
    time_left_ms: int
    gen: int
    on_lost: str
    customer_id: str | None
    body: bytes | None
    """None: in the artifact store, because it is large."""

    repeated: bool
    """The claim had been made by an earlier call whose answer was lost."""


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


WRITE: Mapping[Form, Callable[[Any], str]] = {
    Form.TEXT: str,
    Form.COUNT: str,
    Form.TIME: str,
    Form.SECONDS: _milliseconds,
    Form.LIST: " ".join,
    Form.LABELS: labels_text,
}
_SENT = [field for field in JOB_FIELDS if field.sent and field.name != "id"]
_ASKED = attrgetter(*(field.name for field in _SENT))
_WRITTEN = [(WRITE[field.form], field.default) for field in _SENT]


def submit_record(request: JobRequest, job_id: str, body: bytes, digest: str) -> Record:
    """The fields of `submit_jobs`, in its order; a spilled body is empty here."""
    asked = request.requirements
    values = zip(_ASKED(request), _WRITTEN, strict=True)
    sent = ["" if value is None or value == default else write(value) for value, (write, default) in values]
    return (job_id, asked.class_id, asked.canonical(), *sent, digest, body)


def claimed_of(answer: Sequence[Any]) -> Claimed:
    """One entry of `take_turn`'s claimed jobs."""
    verdict, job_id, attempt, nonce, class_id, left, gen, on_lost, customer, body = answer
    return Claimed(
        job_id=job_id.decode(),
        attempt=int(attempt),
        nonce=nonce.decode(),
        class_id=class_id.decode(),
        time_left_ms=left,
        gen=int(gen),
        on_lost=on_lost.decode() or "requeue",
        customer_id=customer.decode() or None,
        body=body,
        repeated=verdict == b"already",
    )


def fields_of(flat: Sequence[bytes] | Mapping[bytes, bytes]) -> dict[str, str]:
    """A hash's fields as text, whichever way the client hands them over."""
    pairs = flat.items() if isinstance(flat, Mapping) else zip(flat[::2], flat[1::2], strict=True)
    return {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in pairs}


def json_of(text: bytes) -> Any:
    """What a key holds as JSON; None where it is damaged."""
    try:
        return load_json(text)
    except ValueError:
        return None


def asked_of(canonical: bytes) -> Requirements | None:
    """The requirements of a class; None where they are damaged."""
    try:
        return requirements_of(canonical.decode()) if canonical.startswith(b"{") else None
    except (InvalidInput, ValueError):
        return None


def job_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """A job's hash with a field for each value (see `lua/lib/jobs.lua`); a damaged one has no state."""
    values = {name: value for name, value in fields.items() if name not in PACKED}
    for name, named in PACKED.items():
        words = fields[name].split(" ") if name in fields else []
        if len(words) == len(named):
            values |= {part: word for part, word in zip(named, words, strict=True) if word != "-"}
        elif words or name == "spec":
            values.pop("state", None)
    for name in _NUMBERS:
        if name in values and not _is_number(name, values[name]):
            del values[name]
            values.pop("state", None)
    return values


_SHOWN = [field for field in JOB_FIELDS if field.shown and field.stored]
_COUNTERS = {field.stored for field in _SHOWN if field.form is Form.COUNT} - {"score"}
_NUMBERS = {field.stored for field in _SHOWN if field.form in (Form.COUNT, Form.NUMBER, Form.TIME, Form.SECONDS)}
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?(e[+-][0-9]{1,2})?")
_WHOLE = re.compile(r"[0-9]{1,20}")
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999, the last that can be shown."""


def _is_number(name: str, text: str) -> bool:
    if name == "score":
        return _WHOLE.fullmatch(text) is not None
    form = _WHOLE if name in _COUNTERS else _NUMBER
    return form.fullmatch(text) is not None and float(text) <= _LAST_MS


READ: Mapping[Form, Callable[[str], Any]] = {
    Form.TEXT: str,
    Form.COUNT: int,
    Form.NUMBER: float,
    Form.TIME: lambda text: int(float(text)),
    Form.SECONDS: lambda text: float(text) / 1000,
    Form.MARK: bool,
    Form.LIST: lambda text: tuple(text.split()),
    Form.LABELS: labels_of,
}
_ABSENT: Mapping[Form, Any] = {Form.COUNT: 0, Form.MARK: False, Form.LIST: (), Form.LABELS: MappingProxyType({})}
"""What is not stored; any other form has None."""

_STORED = [(field, READ[field.form], field.default or _ABSENT.get(field.form)) for field in _SHOWN]


def job_of(job_id: str, fields: Mapping[str, str], asked: Requirements | None, **more: Any) -> Job:
    """A job from its hash and its class's requirements; a damaged one, or one of a damaged class, has no state."""
    state = fields.get("state", "") if asked is not None else ""
    told = {} if state in WAITING else fields
    cause = fields.get("cause") if fields.get("failures", "0") != "0" else None
    place = int(fields.get("score", "0"))
    values: dict[str, Any] = {
        field.name: read(text) if (text := fields.get(field.stored)) else absent for field, read, absent in _STORED
    }
    values |= {
        "state": JobState(state) if state in set(JobState) else None,
        "priority": parts(place)[0],
        "created_at": values["created_at"] or 0,
        "progress": 100 if state == JobState.COMPLETED else float(told["progress"]) if told.get("progress") else None,
        "message": told.get("message"),
        "error": None if state == JobState.COMPLETED else values["error"],
        "cause": None if cause in ("", NO_CAUSE) else cause,
    }
    return Job(
        id=job_id,
        class_id=fields.get("class", ""),
        requirements=asked or Requirements(),
        score=place,
        lacking="lacking" in fields,
        **values,
        **more,
    )


def worker_of(
    worker_id: str, fields: Mapping[str, str], capabilities: str, active: Sequence[str], lost_at: int | None
) -> Worker:
    """A worker from its hash and its profile's capabilities; a damaged one counts as lost, and says so."""
    try:
        return _sound_worker(worker_id, fields, capabilities, active, lost_at)
    except (InvalidInput, ValueError):
        return Worker(
            id=worker_id,
            machine="",
            boot="",
            state=WorkerState.LOST,
            profile_id="",
            capabilities=Capabilities(),
            slots=0,
            active=tuple(active),
            lost_at=lost_at,
            reason="its record in Redis is damaged",
        )


def _sound_worker(
    worker_id: str, fields: Mapping[str, str], capabilities: str, active: Sequence[str], lost_at: int | None
) -> Worker:
    """Raises `InvalidInput` or `ValueError`."""
    info = load_json(fields.get("info") or "{}")
    if not (fields and capabilities.startswith("{") and isinstance(info, dict)):
        raise ValueError("not a record of a worker")
    workflow, customers = info.get("workflow"), info.get("max_customers")
    clock, registered = info.get("clock"), fields.get("registered", "")
    gone = fields.get("gone") if fields.get("alive") != "1" else None
    services, _, reasons = fields.get("services", "").partition("\n")
    return Worker(
        id=worker_id,
        machine=fields.get("machine", ""),
        boot=fields.get("boot", ""),
        state=WorkerState(gone if gone in ("lost", "stopped") else fields.get("state", "lost")),
        profile_id=fields.get("profile", ""),
        capabilities=capabilities_of(capabilities),
        slots=_count(fields.get("slots", "1")),
        active=tuple(active),
        services=dict(word.split("=", 1) for word in services.split()),
        outages=_outages(reasons),
        memory=memory_of(fields.get("memory", "")),
        beat_at=_count(fields.get("beat", "0")),
        lost_at=lost_at,
        started_at=_count(fields.get("started", "0")),
        clock_ahead_ms=clock - int(registered) if isinstance(clock, int) and _WHOLE.fullmatch(registered) else None,
        reason=fields.get("reason", ""),
        info=info,
        last_failure=_last_failure(fields.get("failed", "")),
        workflow=workflow if isinstance(workflow, str) else "",
        max_customers=customers if isinstance(customers, int) else None,
    )


def _outages(text: str) -> dict[str, ServiceOutage]:
    """Lines of `comfyui 1767225600000 no answer`."""
    lines = [line.split(" ", 2) for line in text.split("\n") if line]
    return {name: ServiceOutage(why=why, since=_count(since)) for name, since, why in lines}


def _last_failure(text: str) -> LastFailure | None:
    words = text.split(" ")
    return LastFailure(at=_count(words[0]), job=words[1], code=words[2]) if len(words) == 3 else None


def _count(text: str) -> int:
    if not _WHOLE.fullmatch(text) or int(text) > _LAST_MS:
        raise ValueError(f"{text!r} is not a number in the expected form")
    return int(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that did not complete."""

    number: int
    worker: str
    claimed_at: int
    ended_at: int
    outcome: str
    detail: str
    """Text, or a failure as JSON."""

    code: str = ""
    """Of a failure: the connector's own word."""


def attempt_of(entry: str) -> Attempt | None:
    """One line of a job's `job.attempts`; None where it is damaged."""
    head, _, detail = entry.partition("\n")
    try:
        number, worker, claimed, ended, outcome = head.split(" ", 4)
        return Attempt(
            number=_count(number),
            worker=worker,
            claimed_at=_count(claimed),
            ended_at=_count(ended),
            outcome=outcome,
            detail=detail,
            code=_code_of(detail),
        )
    except ValueError:
        return None


def _code_of(detail: str) -> str:
    failure = json_of(detail.encode()) if detail.startswith("{") else None
    code = failure.get("code") if isinstance(failure, dict) else None
    return code if isinstance(code, str) else ""
