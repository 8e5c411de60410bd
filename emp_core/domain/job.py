"""A job as it is asked for, and as it is."""

import functools
import json
import marshal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from emp_core.domain import values
from emp_core.domain.json_text import check_json, dump_json, sorted_json
from emp_core.domain.labels import read_labels
from emp_core.domain.ordering import DEFAULT_PRIORITY, MAX_PRIORITY, MIN_PRIORITY
from emp_core.domain.policy import MAX_SPILLED_PAYLOAD, POLICY
from emp_core.domain.requirements import MAX_REQUIREMENTS_BYTES, Requirements
from emp_core.domain.services import services_of
from emp_core.domain.states import HELD, JobState
from emp_core.errors import InvalidInput, LimitExceeded
from emp_core.ids import digest

MAX_PARENTS = 100

KEPT_BYTES = 1_000
"""Requirements that are kept to be used again, at most 1,000, are no longer than this."""

DIGEST_VERSION = "2"
"""Of the way in which requests are compared. Digests of version 1 have no version in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """What a client asks for. Build it with `parse`, which reads canonical JSON; `dialects` reads the old forms."""

    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True}

    service: str | None = None
    """The kind of backend, such as `comfyui`; may be left out where `job_type` says enough."""

    job_type: str | None = None
    priority: int = DEFAULT_PRIORITY
    """0 to 100, higher first."""

    payload: Mapping[str, Any] | None = None
    """A raw request to the service."""

    template: str | None = None
    params: Mapping[str, Any] | None = None
    """The template's parameters. No worker translates templates yet: such a job fails."""

    requirements: Requirements = field(default_factory=Requirements)
    """With service, job type and customer filled in; 64 KiB at most."""

    customer_id: str | None = None
    workflow_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names and values to find the job by: 16 at most."""

    workflow_datetime: int | None = None
    """ms since 1970: the age that a workflow's first job claims for it."""

    depends_on: tuple[str, ...] = ()
    on_dependency_failure: str = "fail"
    max_failures: int = POLICY.max_failures
    """Runs that fail, in total."""

    on_lost: str = "requeue"
    """`requeue`, or `fail`: at most once, never run again after its worker was lost."""

    timeout_seconds: float | None = None
    queue_ttl_seconds: float | None = None
    run_at: int | None = None
    """ms since 1970: not before."""

    deadline: int | None = None
    """ms since 1970: a job not started by then fails as `expired`."""

    idempotency_key: str | None = None
    id: str | None = None

    sent: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """What the caller sent, by which a repeated submit is told from another one."""

    @classmethod
    def parse(cls, body: Mapping[str, Any], *, sent: Mapping[str, Any] | None = None, checked: bool = False) -> Self:
        """Read a request from canonical JSON. Raises `InvalidInput` or `LimitExceeded` with the field's name.

        Give `sent` if `body` has more than the caller sent, such as defaults.
        `checked`: `check_json` has seen the body.
        """
        values.refuse_unknown("", values.read_mapping("body", body), _READERS)
        given = {name: value for name, value in body.items() if value is not None}
        asked = values.read_mapping("requirements", given.pop("requirements", {}))
        readers = _READERS_IF_CHECKED if checked else _READERS
        read = {name: readers[name](name, value) for name, value in given.items()}
        read["requirements"] = _requirements_of(asked, read)
        read["customer_id"] = read["requirements"].customer_id
        read["job_type"] = read["requirements"].job_type
        if read.get("on_lost") == "fail":
            read["max_failures"] = 1
        request = cls(**read, sent=_compared(body if sent is None else sent))
        request._refuse_contradictions()
        return request

    def _refuse_contradictions(self) -> None:
        if self.payload is not None and (self.template is not None or self.params is not None):
            raise InvalidInput("payload", "give a payload, or a template with params, not both")
        if not self.requirements.services and self.job_type is None:
            raise InvalidInput("service", "is missing: give a service, such as comfyui, or a job_type")
        if self.run_at is not None and self.deadline is not None and self.deadline <= self.run_at:
            raise InvalidInput("deadline", "must be later than run_at")

    def body_text(self) -> bytes:
        """What the worker gets, as JSON; opaque to the queue. Raises `LimitExceeded` over 64 MiB."""
        if self.template is not None:
            text = dump_json({"template": self.template, "params": dict(self.params or {})})
        else:
            text = dump_json({"payload": dict(self.payload or self.params or {})})
        if len(text) > MAX_SPILLED_PAYLOAD:
            raise LimitExceeded("payload", "max_payload_bytes", len(text), MAX_SPILLED_PAYLOAD)
        return text

    def digest(self) -> str:
        """Tells a repeated request from another one under the same id or key.

        It covers what the caller sent: the order of keys does not count, `1` and `1.0` are two numbers, and nothing
        that emp adds or derives is part of it.
        """
        return f"{DIGEST_VERSION}:{digest(sorted_json(self.sent), 12)}"

    def earlier_digest(self) -> str:
        """The digest of version 1, which jobs and keys of earlier versions of emp have."""
        asked = [self.requirements.canonical(), self.priority, self.workflow_id, self.depends_on, self.max_failures]
        more = [self.on_lost, self.timeout_seconds, self.run_at, self.deadline, self.on_dependency_failure]
        more += [self.queue_ttl_seconds, self.workflow_datetime]
        return digest(json.dumps([asked, more]).encode() + self.body_text(), 12)

    def is_earlier(self, stored: str) -> bool:
        """Whether a digest of version 1 is the digest of this request."""
        return ":" not in stored and not self.labels and stored == self.earlier_digest()


def _compared(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request without its names, id and key, and without fields that say nothing."""
    sent = {name: value for name, value in body.items() if value is not None and name not in ("id", "idempotency_key")}
    if "requirements" in sent:
        asked = {name: value for name, value in sent.pop("requirements").items() if value is not None}
        sent |= {"requirements": asked} if asked else {}
    if not sent.get("labels", True):
        del sent["labels"]
    return sent


def _requirements_of(asked: Mapping[str, Any], read: Mapping[str, Any]) -> Requirements:
    """The same object for requests that ask the same, as most requests of a batch do: its texts are made once."""
    own = {name: read[name] for name in ("service", "job_type", "customer_id") if name in read}
    try:
        key = marshal.dumps((dict(asked), own), 2)  # tells 1, 1.0 and True apart, and refuses what is no plain value
    except ValueError:
        return _within_limit(_requirements(asked, own))
    return _kept(key) if len(key) <= KEPT_BYTES else _within_limit(_requirements(asked, own))


@functools.lru_cache(maxsize=1_000)
def _kept(key: bytes) -> Requirements:
    return _within_limit(_requirements(*marshal.loads(key)))


def _requirements(source: Mapping[str, Any], read: Mapping[str, Any]) -> Requirements:
    """What is asked, with the job's own fields filled in, and the services that implement its job type."""
    own = {name: read[name] for name in ("job_type", "customer_id") if name in read}
    for name, value in own.items():
        if source.get(name) not in (None, value):
            raise InvalidInput(f"requirements.{name}", f"is {values.shown(source[name])}, but {name} is {value!r}")
    service = read.get("service")
    if service is not None and source.get("services") is None:
        return Requirements.parse({**source, **own, "services": service})
    asked = Requirements.parse({**source, **own})
    if service is not None:
        if asked.services and service not in asked.services:
            named = values.cut(", ".join(asked.services))
            raise InvalidInput("service", f"is {service}, but requirements.services are {named}")
        return replace(asked, services=(service,))
    if not asked.services and asked.job_type is not None:
        return replace(asked, services=services_of(asked.job_type))
    return asked


def _within_limit(asked: Requirements) -> Requirements:
    size = len(asked.canonical())
    if size > MAX_REQUIREMENTS_BYTES:
        raise LimitExceeded("requirements", "max_requirements_bytes", size, MAX_REQUIREMENTS_BYTES)
    return asked


def _read_json(name: str, value: object) -> Mapping[str, Any]:
    mapping = values.read_mapping(name, value)
    check_json(name, mapping)
    return mapping


def _read_priority(name: str, value: object) -> int:
    return values.read_int(name, value, minimum=MIN_PRIORITY, maximum=MAX_PRIORITY)


def _read_time(name: str, value: object) -> int:
    return values.read_int(name, value, maximum=4_102_444_800_000)


def _read_seconds(name: str, value: object) -> float:
    return values.read_number(name, value, minimum=0.001, maximum=366 * 86_400)


def _read_parents(name: str, value: object) -> tuple[str, ...]:
    parents = tuple(values.read_id(name, parent) for parent in values.read_names(name, value))
    if len(parents) > MAX_PARENTS:
        raise LimitExceeded(name, "max_parents", len(parents), MAX_PARENTS)
    return parents


_READERS: Mapping[str, Any] = {
    "service": lambda name, value: values.read_id(name, value),
    "job_type": values.read_text,
    "priority": _read_priority,
    "payload": _read_json,
    "template": values.read_text,
    "params": _read_json,
    "requirements": None,
    "customer_id": values.read_id,
    "workflow_id": values.read_id,
    "labels": read_labels,
    "workflow_datetime": _read_time,
    "depends_on": _read_parents,
    "on_dependency_failure": lambda name, value: values.read_choice(name, value, ("fail", "run")),
    "max_failures": lambda name, value: values.read_int(name, value, minimum=1, maximum=100),
    "on_lost": lambda name, value: values.read_choice(name, value, ("requeue", "fail")),
    "timeout_seconds": _read_seconds,
    "queue_ttl_seconds": _read_seconds,
    "run_at": _read_time,
    "deadline": _read_time,
    "idempotency_key": values.read_text,
    "id": values.read_id,
}

_READERS_IF_CHECKED = {**_READERS, "payload": values.read_mapping, "params": values.read_mapping}

REQUEST_FIELDS = tuple(_READERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a job is, as one read of the queue found it. Times are ms since 1970 from Redis TIME."""

    id: str
    state: JobState | None
    """None: a key of the job is missing or damaged (`corrupt`)."""

    class_id: str
    requirements: Requirements
    priority: int
    score: int
    gen: int
    """How often an operator had it run anew (T14)."""

    attempt: int
    """Claims so far; never reset."""

    failures: int
    losses: int
    releases: int
    version: int
    max_failures: int
    created_at: int
    due_at: int | None = None
    deadline: int | None = None
    claimed_at: int | None = None
    """Start of the last attempt."""

    started_at: int | None = None
    """First start of this generation."""

    ended_at: int | None = None
    lease_until: int | None = None
    timeout_seconds: float | None = None
    worker: str | None = None
    customer_id: str | None = None
    workflow_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    code: str | None = None
    """Why it failed, or whether its cancel came late (`late_result`)."""

    cause: str | None = None
    """The connector's own code for the last run that failed, such as `out_of_memory`; None if a limit ended it."""

    error: str | None = None
    """The message of the last run that failed, in one line; None once the job is completed."""

    progress: float | None = None
    message: str | None = None
    held: bool = False
    on_lost: str = "requeue"
    avoid: tuple[str, ...] = ()
    lacking: bool = False
    """The workers of `avoid` lack a node or a model that it needs."""

    depends_on: tuple[str, ...] = ()
    idempotency_key: str | None = None
    unworkable: bool = False
    """No live worker's profile fits its class."""

    reserved_for: tuple[str, ...] = ()
    """Workflows for which all live workers are reserved that fit it, if it is of none of these."""

    @property
    def shown_state(self) -> str:
        """Its state as people see it: `held` too, or `corrupt` if its record is damaged."""
        if self.state is None:
            return "corrupt"
        return HELD if self.held else self.state.value

    @property
    def failure_code(self) -> str | None:
        """What says most about why it failed: the connector's code, or the queue's if it was not a run that failed."""
        return self.cause or self.code if self.code in ("error", "permanent") else self.code

    @property
    def service(self) -> str | None:
        """The service, or the first of those that would do."""
        return self.requirements.services[0] if self.requirements.services else None

    @property
    def job_type(self) -> str | None:
        """The job type, if it asks for one."""
        return self.requirements.job_type
