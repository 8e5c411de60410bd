"""What a job asks of a worker, in canonical form.

All jobs with identical canonical requirements are one class: the queue keeps one sorted set for each, and judges each
class against each worker profile once.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

from emp_core.domain import values
from emp_core.domain.policy import KB
from emp_core.domain.values import Value, typed
from emp_core.errors import InvalidInput
from emp_core.ids import digest

ISOLATION_LEVELS = ("none", "loose", "strict")

MAX_REQUIREMENTS_BYTES = 64 * KB
"""Of a job's canonical text, which Redis keeps once a class, and which every list of jobs repeats for each job."""


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """Absent means: asks nothing. Build it with `parse`, which makes the values canonical."""

    __pydantic_config__: ClassVar = {"use_attribute_docstrings": True}

    services: tuple[str, ...] = ()
    """Any one of them can run the job."""

    job_type: str | None = None
    gpu_memory_gb: float | None = None
    """Per GPU, in GB of 10^9 bytes."""

    gpu_count: int | None = None
    gpu_model: str | None = None
    """A pattern: `*` any text, `?` any character; without either it may stand anywhere in the model's name."""

    cpu_cores: int | None = None
    ram_gb: float | None = None
    disk_gb: float | None = None
    models: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    """Workflow *names* (EmProps), not a ComfyUI graph and not a `workflow_id`."""

    customer_id: str | None = None
    isolation: str | None = None
    """`strict`, or None: `loose` and `none` ask nothing."""

    quality_level: str | None = None
    max_minutes: float | None = None
    regions: tuple[str, ...] = ()
    """Any one of them will do."""

    compliance: tuple[str, ...] = ()
    """All of them are needed."""

    tiers: tuple[str, ...] = ()
    max_rate_per_hour: float | None = None
    max_rate_per_job: float | None = None
    custom: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """Dotted path in the worker's extra capabilities -> what must hold there."""

    exclude: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """Dotted path -> what must not hold there."""

    @classmethod
    def parse(cls, source: Mapping[str, Any], *, where: str = "requirements") -> Self:
        """Read requirements from JSON. Raises `InvalidInput` with the field's name."""
        values.refuse_unknown(where, source, _READERS)
        given = {name: value for name, value in source.items() if value is not None}
        read = {name: _READERS[name](f"{where}.{name}", value) for name, value in given.items()}
        if read.get("isolation") != "strict":
            read.pop("isolation", None)
        requirements = cls(**read)
        requirements._refuse_contradictions(where)
        return requirements

    def _refuse_contradictions(self, where: str) -> None:
        if self.isolation == "strict" and self.customer_id is None:
            raise InvalidInput(f"{where}.isolation", "strict needs a customer_id")
        for path, asked in self.custom.items():
            if path in self.exclude and holds(asked, self.exclude[path]):
                raise InvalidInput(f"{where}.exclude.{path}", f"contradicts custom.{path}: no worker can satisfy both")

    def to_json(self) -> dict[str, Any]:
        """Only what is asked, in the fields' order."""
        return {name: value for name in _NAMES if (value := getattr(self, name)) not in _NOTHING}

    @functools.cached_property
    def asked(self) -> frozenset[str]:
        """The fields that ask something."""
        return frozenset(self.to_json())

    def canonical(self) -> str:
        """One text for one meaning."""
        return self._canonical

    @functools.cached_property
    def _canonical(self) -> str:
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))

    @functools.cached_property
    def class_id(self) -> str:
        """The class of all jobs that ask exactly this."""
        return digest(self._canonical)


_NAMES = tuple(item.name for item in fields(Requirements))
_KNOWN = frozenset(_NAMES)
_NOTHING: tuple[Any, ...] = (None, (), {})


@functools.lru_cache(maxsize=10_000)
def requirements_of(canonical: str) -> Requirements:
    """The requirements behind a class's canonical text, which is emp's own and so not checked again."""
    source = json.loads(canonical)
    if not source.keys() <= _KNOWN:
        return Requirements.parse(source)
    requirements = Requirements(**{name: _frozen(value) for name, value in source.items()})
    vars(requirements)["asked"] = frozenset(source)
    return requirements


def _frozen(value: Any) -> Any:
    """JSON as the fields hold it: a list is a tuple."""
    if isinstance(value, list):
        return tuple(value)
    return {path: _frozen(inner) for path, inner in value.items()} if isinstance(value, dict) else value


def holds(offered: Value | None, asked: Value) -> bool:
    """Whether an extra capability answers a custom requirement: number >=, list contains all, scalar equal or among."""
    if offered is None:
        return False
    if isinstance(asked, tuple):
        return isinstance(offered, tuple) and set(map(typed, asked)) <= set(map(typed, offered))
    if isinstance(offered, tuple):
        return typed(asked) in map(typed, offered)
    if isinstance(asked, bool) or isinstance(offered, bool) or isinstance(asked, str) or isinstance(offered, str):
        return type(asked) is type(offered) and asked == offered
    return offered >= asked


def _read_isolation(where: str, value: object) -> str:
    return values.read_choice(where, value, ISOLATION_LEVELS)


def _read_pattern(where: str, value: object) -> str:
    return values.read_text(where, values.read_text(where, value).strip().lower())


_READERS: Mapping[str, Any] = {
    "services": values.read_names,
    "job_type": values.read_text,
    "gpu_memory_gb": values.read_number,
    "gpu_count": values.read_int,
    "gpu_model": _read_pattern,
    "cpu_cores": values.read_int,
    "ram_gb": values.read_number,
    "disk_gb": values.read_number,
    "models": values.read_names,
    "components": values.read_names,
    "workflows": values.read_names,
    "customer_id": values.read_id,
    "isolation": _read_isolation,
    "quality_level": values.read_text,
    "max_minutes": values.read_number,
    "regions": values.read_names,
    "compliance": values.read_names,
    "tiers": values.read_names,
    "max_rate_per_hour": values.read_number,
    "max_rate_per_job": values.read_number,
    "custom": values.read_flat,
    "exclude": values.read_flat,
}

REQUIREMENT_FIELDS = tuple(_READERS)
