"""The table of fields by which workers can be found, and the filter of workers."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emp_core.domain.filter.kinds import Durations, Kind, Names, Numbers, Texts, Words
from emp_core.domain.filter.tree import Term
from emp_core.domain.worker import Worker, WorkerState


@dataclass(frozen=True, slots=True)
class WorkerField:
    """A row of the table."""

    name: str
    help: str
    kind: Kind
    example: str
    """A term."""

    values: Callable[[Worker, int], Iterable[Any]]
    """The values that a worker has, at a time in ms since 1970; none if it does not say."""

    known_as: tuple[str, ...] = ()
    """Other names that people try; only to suggest this one."""


def _offers(name: str) -> Callable[[Worker, int], Iterable[Any]]:
    """A capability with one value."""
    return lambda worker, now: _one(getattr(worker.capabilities, name))


def _one(value: Any) -> Iterable[Any]:
    return () if value in (None, "") else (value,)


def _models(worker: Worker, now: int) -> Iterable[str]:
    """As `model` of jobs finds them: with and without their folders."""
    names = {model for models in worker.capabilities.models.values() for model in models}
    return names | {name.rpartition("/")[2] for name in names}


_COUNT = Numbers(example=(1, 2))
_SIZE = Numbers(in_gb=True, example=(8, 24))

_ROWS = (
    WorkerField("worker", "its id", Names(), "worker:gpu1*", lambda worker, now: (worker.id,), ("id", "worker_id")),
    WorkerField(
        "status",
        "its state",
        Words({state.value: "" for state in WorkerState}),
        "status:ready,paused",
        lambda worker, now: (worker.state.value,),
        ("state",),
    ),
    WorkerField(
        "machine",
        "the machine that it runs on",
        Names(),
        "machine:gpu1",
        lambda worker, now: (worker.machine,),
        ("host", "hostname"),
    ),
    WorkerField(
        "service",
        "a service that it offers",
        Names(),
        "service:comfyui",
        lambda worker, now: worker.capabilities.services,
        ("services", "connector"),
    ),
    WorkerField("model", "a model that it offers, with or without its folder", Names(), "model:flux*", _models),
    WorkerField(
        "gpu",
        "the memory of each of its GPUs, in GB",
        _SIZE,
        "gpu>=24",
        _offers("gpu_memory_gb"),
        ("gpu_memory_gb", "gpu_memory", "vram", "memory"),
    ),
    WorkerField("gpu_count", "how many GPUs it has", _COUNT, "gpu_count>1", _offers("gpu_count"), ("gpus",)),
    WorkerField("gpu_model", "words of its GPU model", Texts(), "gpu_model:4090", _offers("gpu_model")),
    WorkerField(
        "cpu", "its CPU cores", Numbers(example=(4, 16)), "cpu>=16", _offers("cpu_cores"), ("cpu_cores", "cores")
    ),
    WorkerField("ram", "its RAM, in GB", _SIZE, "ram>=64", _offers("ram_gb"), ("ram_gb",)),
    WorkerField("disk", "its disk space, in GB", _SIZE, "disk>1TB", _offers("disk_gb"), ("disk_gb",)),
    WorkerField(
        "isolation", "its isolation", Words({"none": "", "strict": ""}), "isolation:strict", _offers("isolation")
    ),
    WorkerField("region", "its region", Names(), "region:eu*", _offers("region"), ("regions",)),
    WorkerField("tier", "its cost tier", Names(), "tier:spot", _offers("tier"), ("tiers", "cost_tier")),
    WorkerField(
        "workflow",
        "the only workflow whose jobs it takes",
        Names(),
        "workflow:film-7",
        lambda worker, now: _one(worker.workflow),
        ("workflow_id",),
    ),
    WorkerField("slots", "how many jobs it runs at once", _COUNT, "slots>1", lambda worker, now: (worker.slots,)),
    WorkerField(
        "busy",
        "how many jobs it runs now",
        _COUNT,
        "busy=0",
        lambda worker, now: (len(worker.active),),
        ("jobs", "active"),
    ),
    WorkerField(
        "version",
        "the version of emp that it runs",
        Names(),
        "version:0.1*",
        lambda worker, now: _one(worker.info.get("version")),
    ),
    WorkerField(
        "uptime",
        "how long ago it started",
        Durations(),
        "uptime>7d",
        lambda worker, now: (now - worker.started_at,),
        ("age", "started"),
    ),
)

WORKER_FIELDS: Mapping[str, WorkerField] = {field.name: field for field in _ROWS}
"""In the order in which they are shown."""


@dataclass(frozen=True)
class WorkerFilter:
    """Conditions that all must hold; without any it matches every worker. `parse_workers` makes one from text."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        """The canonical text, which `parse_workers` reads as the same filter."""
        return " ".join(map(str, self.terms))

    def matches(self, worker: Worker, now_ms: int) -> bool:
        """Whether a worker has all that the filter asks for."""
        return all(holds(worker, now_ms) for holds in self._conditions)

    @cached_property
    def _conditions(self) -> list[Callable[[Worker, int], bool]]:
        return [_condition(term) for term in self.terms]


def _condition(term: Term) -> Callable[[Worker, int], bool]:
    field = WORKER_FIELDS[term.field]
    values, fits, negated = field.values, field.kind.test(term.operator, term.values), term.negated
    return lambda worker, now: any(fits(value, now) for value in values(worker, now)) is not negated
