"""The table of fields by which jobs can be found: what each takes, what it reads of a job, what could index it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from emp_core.domain.filter import reading
from emp_core.domain.filter.kinds import Durations, Kind, Names, Numbers, Prefixes, Texts, Times, Words
from emp_core.domain.filter.reading import Asks, Read, attribute, listed, mark, single
from emp_core.domain.job import Job
from emp_core.domain.states import HELD, MEANINGS, RUNNING, TERMINAL, FailureCode, JobState


class Index(StrEnum):
    """What could find the jobs that have a value, without reading all jobs."""

    ID = "id"
    STATUS = "status"
    HELD = "held"
    UNWORKABLE = "unworkable"
    SERVICE = "service"
    TYPE = "type"
    CUSTOMER = "customer"
    REQUIREMENT = "requirement"
    """The class, which all jobs with the same requirements share."""

    WORKFLOW = "workflow"
    WORKER = "worker"
    KEY = "key"
    LABEL = "label"
    CREATED = "created"
    ENDED = "ended"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Field:
    """A row of the table. It has either `read` or `asks`."""

    name: str
    help: str
    kind: Kind
    example: str
    """A term."""

    read: Read | None = None
    asks: Asks | None = None
    """Set if all jobs of a class have the same values."""

    index: Index = Index.NONE
    states: frozenset[JobState] = frozenset(JobState)
    """Jobs in other states have no value."""

    known_as: tuple[str, ...] = ()
    """Other names that people try, such as the one in JSON; only to suggest this one."""

    def values(self, job: Job, now: int) -> Iterable[Any]:
        """The values that a job has, at a time in ms since 1970."""
        if self.asks is not None:
            return self.asks(job.requirements)
        return self.read(job, now) if self.read is not None else ()


def _label(name: str) -> Field:
    help_ = "a label, by its name; `label.batch:*` finds every job that has it"
    return Field(f"label.{name}", help_, Names(), "label.batch:42", reading.label(name), index=Index.LABEL)


def _custom(path: str) -> Field:
    help_ = "a custom requirement, by its path"
    return _needs(f"custom.{path}", help_, Names(), "custom.driver.cuda:12*", reading.custom(path))


def _needs(name: str, help_: str, kind: Kind, example: str, asks: Asks, *known_as: str) -> Field:
    """A requirement."""
    return Field(name, help_, kind, example, asks=asks, index=Index.REQUIREMENT, known_as=known_as)


_YES_NO = Words({"yes": "", "no": ""}, synonyms={"true": "yes", "false": "no", "1": "yes", "0": "no"})
_STATUS = Words(
    {**{state.value: meaning for state, meaning in MEANINGS.items()}, HELD: "is held by an operator"},
    synonyms={
        "running": "active",
        "queued": "pending",
        "waiting": "pending",
        "done": "completed",
        "succeeded": "completed",
        "error": "failed",
        "scheduled": "delayed",
        "stopping": "cancelling",
    },
)
_CODE = Names({code.value: "" for code in FailureCode})
_COUNT = Numbers(example=(1, 2))
_PERCENT = Numbers(example=(50, 90))
_SIZE = Numbers(in_gb=True, example=(8, 24))

_OF_JOBS = (
    Field("id", "its id, or the beginning of it", Prefixes(), "id:7f3a", attribute("id"), index=Index.ID),
    Field(
        "status",
        "its state; `active` finds what is being cancelled too, and `delayed` what is held",
        _STATUS,
        "status:pending,failed",
        reading.statuses,
        index=Index.STATUS,
        known_as=("state",),
    ),
    Field("held", "whether an operator holds it", _YES_NO, "held:yes", mark("held"), index=Index.HELD),
    Field(
        "unworkable",
        "whether it waits although no live worker can run it",
        _YES_NO,
        "unworkable:yes",
        mark("unworkable"),
        index=Index.UNWORKABLE,
    ),
    Field(
        "service",
        "the service, or one of those that can run it",
        Names(),
        "service:comfyui",
        asks=listed("services"),
        index=Index.SERVICE,
        known_as=("services", "connector"),
    ),
    Field(
        "type",
        "the job type",
        Names(),
        "-type:upscale",
        asks=single("job_type"),
        index=Index.TYPE,
        known_as=("job_type",),
    ),
    Field(
        "customer",
        "the customer",
        Names(),
        "customer:acme",
        asks=single("customer_id"),
        index=Index.CUSTOMER,
        known_as=("customer_id", "tenant", "user"),
    ),
    Field(
        "workflow",
        "the id of its workflow",
        Names(),
        "workflow:film-7",
        attribute("workflow_id"),
        index=Index.WORKFLOW,
        known_as=("workflow_id",),
    ),
    Field(
        "worker",
        "the worker that runs it, or ran it last",
        Names(),
        "worker:gpu1*",
        attribute("worker"),
        index=Index.WORKER,
        known_as=("worker_id", "machine"),
    ),
    _label("NAME"),
    Field(
        "key",
        "the idempotency key",
        Names(),
        "key:order-1234",
        attribute("idempotency_key"),
        index=Index.KEY,
        known_as=("idempotency_key",),
    ),
    Field(
        "depends_on",
        "the id of a job that must end before it starts",
        Names(),
        "depends_on:7f3akq2m9c4x5v1b",
        reading.parents,
        known_as=("parent", "parents"),
    ),
    Field("priority", "0 to 100, higher first", _PERCENT, "priority>=90", attribute("priority")),
    Field("attempt", "how often a worker claimed it", _COUNT, "attempt>1", attribute("attempt")),
    Field("failures", "how many of its runs failed", _COUNT, "failures>0", attribute("failures")),
    Field("losses", "how often its worker was lost", _COUNT, "losses>0", attribute("losses")),
    Field("releases", "how often a worker gave it back", _COUNT, "releases>3", attribute("releases")),
    Field("progress", "how far it is, in percent", _PERCENT, "progress<50", attribute("progress")),
    Field("message", "words of its last progress message", Texts(), "message:sampling", attribute("message")),
    Field("age", "how long ago it was created", Durations(), "age>10m", reading.age, index=Index.CREATED),
    Field(
        "wait",
        "how long it has waited since it was created; of a job that started, until its first start",
        Durations(),
        "wait<5s",
        reading.wait,
    ),
    Field(
        "run",
        "how long its last attempt has run, or ran",
        Durations(),
        "run>1h30m",
        reading.run,
        states=RUNNING | TERMINAL,
        known_as=("runtime", "duration", "running"),
    ),
    Field(
        "created",
        "when it was created",
        Times(),
        "created>2026-11-30T08:00Z",
        attribute("created_at"),
        index=Index.CREATED,
        known_as=("created_at", "submitted"),
    ),
    Field("started", "when it first started", Times(), "started<1h", attribute("started_at"), known_as=("started_at",)),
    Field(
        "ended",
        "when it ended",
        Times(),
        "ended<2h",
        attribute("ended_at"),
        index=Index.ENDED,
        states=TERMINAL,
        known_as=("ended_at", "finished", "completed"),
    ),
    Field(
        "due",
        "when a delayed job may start",
        Times(ahead=True),
        "due<10m",
        attribute("due_at"),
        known_as=("due_at", "run_at"),
    ),
    Field("deadline", "when it must have started", Times(ahead=True), "deadline<1h", attribute("deadline")),
    Field(
        "code",
        "why it failed: the code of the connector, such as `out_of_memory`, or of the queue",
        _CODE,
        "code:timeout,out_of_memory",
        reading.codes,
        known_as=("cause", "failure_code", "reason"),
    ),
    Field(
        "error",
        "words of why it failed: of the code or of the message",
        Texts(),
        'error:"out of memory"',
        reading.errors,
        known_as=("failure",),
    ),
)

_OF_CLASSES = (
    _needs("model", "a model that it needs, with or without its folder", Names(), "model:flux*", reading.models),
    _needs("component", "a component that it needs", Names(), "component:upscaler", listed("components")),
    _needs("workflow_name", "a workflow that it needs, by name", Names(), "workflow_name:film*", listed("workflows")),
    _needs(
        "gpu",
        "the memory that it needs of a GPU, in GB",
        _SIZE,
        "gpu>=24",
        single("gpu_memory_gb"),
        "gpu_memory_gb",
        "gpu_memory",
        "vram",
        "memory",
    ),
    _needs("gpu_count", "how many GPUs it needs", _COUNT, "gpu_count>1", single("gpu_count"), "gpus"),
    _needs("gpu_model", "words of the GPU model that it needs", Texts(), "gpu_model:4090", single("gpu_model")),
    _needs("cpu", "how many CPU cores it needs", Numbers(example=(4, 16)), "cpu>=16", single("cpu_cores"), "cpu_cores"),
    _needs("ram", "the RAM that it needs, in GB", _SIZE, "ram>=64", single("ram_gb"), "ram_gb"),
    _needs("disk", "the disk space that it needs, in GB", _SIZE, "disk>1TB", single("disk_gb"), "disk_gb"),
    _needs("isolation", "its isolation", Words({"strict": ""}), "isolation:strict", single("isolation")),
    _needs("quality_level", "the quality that it needs", Names(), "quality_level:high", single("quality_level")),
    _needs("max_minutes", "how many minutes it needs", Numbers(), "max_minutes>30", single("max_minutes")),
    _needs("region", "a region that will do", Names(), "region:eu*", listed("regions"), "regions"),
    _needs("compliance", "a rule that its worker must comply with", Names(), "compliance:gdpr", listed("compliance")),
    _needs("tier", "a cost tier that will do", Names(), "tier:spot", listed("tiers"), "tiers", "cost_tier"),
    _needs(
        "max_rate_per_hour",
        "the most that its worker may cost an hour",
        Numbers(),
        "max_rate_per_hour<1.5",
        single("max_rate_per_hour"),
    ),
    _needs(
        "max_rate_per_job", "the most that it may cost", Numbers(), "max_rate_per_job<0.1", single("max_rate_per_job")
    ),
    _custom("PATH"),
)

FIELDS: Mapping[str, Field] = {field.name: field for field in (*_OF_JOBS, *_OF_CLASSES)}
"""In the order in which they are shown; `label.NAME` and `custom.PATH` stand for many."""

FAMILIES: Mapping[str, Callable[[str], Field]] = {"label": _label, "custom": _custom}
"""What stands before the first dot of a field's name -> what makes the field of the name behind it."""


def field_of(name: str) -> Field | None:
    """The field of this name; None if there is none."""
    family, dot, member = name.partition(".")
    if dot:
        return FAMILIES[family](member) if family in FAMILIES and member else None
    return FIELDS.get(name)
