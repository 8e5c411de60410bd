"""The predecessors' ways to ask for a job, read into the canonical one.

Their programs name one thing in many ways (`service_required`, `params`, `requirements.hardware.gpu.memory_gb`): every
door of the hub reads them through this one function, and nothing else in emp knows them. What a body says twice must
agree; what nobody reads stays in place, for `JobRequest.parse` to refuse by its name.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from emp_core.domain import values
from emp_core.domain.requirements import REQUIREMENT_FIELDS
from emp_core.errors import InvalidInput

_SECONDS_BELOW = 1e11
"""A time below it is in seconds (Python emp-redis), another in ms."""

_IGNORED = ("retry_count", "timestamp", "client_id")
"""They change nothing about how a job runs."""

_STEPS = {"step_number": "current_step", "current_step": "current_step", "total_steps": "total_steps"}
"""Kept as labels: a workflow's jobs run in the order in which they were submitted, whatever their numbers."""

_JOB = {
    "service_required": "service",
    "service_type": "service",
    "type": "job_type",
    "job_id": "id",
    "message_id": "id",
    "max_retries": "max_failures",
    "timeout_minutes": "timeout_seconds",
    "workflow_priority": "priority",
}

_ASKED = {
    "customer_isolation": "isolation",
    "geographic_region": "regions",
    "component": "components",
    "workflow": "workflows",
    "cost_tier": "tiers",
    "storage_gb": "disk_gb",
}

_ONE_NAME = ("geographic_region", "component", "workflow", "cost_tier")

_HARDWARE = {name: name for name in ("gpu_memory_gb", "gpu_count", "gpu_model", "cpu_cores", "ram_gb", "disk_gb")} | {
    "gpu.memory_gb": "gpu_memory_gb",
    "gpu.count": "gpu_count",
    "gpu.model": "gpu_model",
    "cpu.cores": "cpu_cores",
    "memory.total_gb": "ram_gb",
    "storage_gb": "disk_gb",
}

_MAY_BE_ALL = ("component", "components", "workflow", "workflows", "models")
_OF_THE_JOB = ("service_required", "service_type", "timeout_minutes")
"""What old requirements say of the job itself."""

_KNOWN = {*REQUIREMENT_FIELDS, *_ASKED, *_OF_THE_JOB, "hardware"}


class _Body:
    """A canonical body in the making: every field once, with where it came from."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self._origins: dict[str, str] = {}

    def put(self, name: str, value: Any, origin: str) -> None:
        """Raises `InvalidInput` where an earlier origin said otherwise."""
        if name in self.fields and self.fields[name] != value:
            earlier = f"{self._origins[name]} says {values.shown(self.fields[name])}"
            raise InvalidInput(origin, f"says {values.shown(value)}, but {earlier}")
        self.fields[name] = value
        self._origins.setdefault(name, origin)


def canonical_request(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A submit body in canonical form; a canonical one as it is. Raises `InvalidInput` where it contradicts itself."""
    given = _present(values.read_mapping("body", body))
    requirements = given.pop("requirements", {})
    job, asked = _Body(), _Body()
    _read_steps(given, job)
    if "workflow_priority" in given:
        given.pop("priority", None)
    if "params" in given and "template" not in given:
        job.put("payload", given.pop("params"), "params")
    for name, value in given.items():
        if name not in _IGNORED and (name, value) != ("type", "submit_job"):
            job.put(_JOB.get(name, name), _converted(name, value), name)
    if requirements != []:
        _read_requirements(values.read_mapping("requirements", requirements), "requirements", job, asked)
    if asked.fields:
        job.put("requirements", asked.fields, "requirements")
    return job.fields


def _read_steps(given: dict[str, Any], job: _Body) -> None:
    """Move a workflow step's numbers to the labels."""
    steps = _Body()
    for name in [name for name in _STEPS if name in given]:
        steps.put(_STEPS[name], str(values.read_int(name, given.pop(name))), name)
    if not steps.fields:
        return
    for name, value in values.read_mapping("labels", given.pop("labels", {})).items():
        steps.put(name, value, f"labels.{values.cut(name)}")
    job.put("labels", steps.fields, "labels")


def _present(source: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in source.items() if value is not None and value != ""}


def _converted(name: str, value: Any) -> Any:
    if name == "max_retries":  # n runs in total, and one at least
        return max(1, values.read_int(name, value))
    if name == "timeout_minutes":
        return values.read_number(name, value) * 60
    if name == "workflow_datetime":
        time = values.read_number(name, value, maximum=1e14)
        return time if time >= _SECONDS_BELOW else round(time * 1000)
    return value


def _read_requirements(source: Mapping[str, Any], where: str, job: _Body, asked: _Body) -> None:
    for name, value in _present(source).items():
        origin = f"{where}.{name}"
        if value == "all" and name in _MAY_BE_ALL:
            continue
        if name == "hardware":
            _read_hardware(values.read_mapping(origin, value), origin, asked)
        elif name == "positive_requirements":
            _read_positive(values.read_mapping(origin, value), origin, job, asked)
        elif name == "negative_requirements":
            _read_negative(values.read_mapping(origin, value), origin, asked)
        elif name in _OF_THE_JOB:
            job.put(_JOB[name], _converted(name, value), origin)
        elif name in ("custom", "exclude"):
            _add(asked, name, values.read_mapping(origin, value), origin)
        else:
            asked.put(_ASKED.get(name, name), [value] if name in _ONE_NAME else value, origin)


def _read_hardware(source: Mapping[str, Any], where: str, asked: _Body) -> None:
    leaves = dict(_leaves(source))
    values.refuse_unknown(where, leaves, _HARDWARE)
    for path, value in _present(leaves).items():
        if value not in ("all", 0):
            asked.put(_HARDWARE[path], value, f"{where}.{path}")


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _read_positive(source: Mapping[str, Any], where: str, job: _Body, asked: _Body) -> None:
    """The known fields, and any other as a custom capability."""
    _read_requirements({name: source[name] for name in source if name in _KNOWN}, where, job, asked)
    _add(asked, "custom", {name: source[name] for name in source if name not in _KNOWN}, where)


def _read_negative(source: Mapping[str, Any], where: str, asked: _Body) -> None:
    for name in source:
        if name in _KNOWN and name not in ("custom", "exclude"):
            raise InvalidInput(f"{where}.{name}", "can exclude only custom capabilities")
    _add(asked, "exclude", source, where)


def _add(asked: _Body, name: str, more: Mapping[str, Any], where: str) -> None:
    together = dict(asked.fields.get(name, {}))
    for path, value in _present(more).items():
        if together.setdefault(path, value) != value:
            elsewhere = f"but {values.shown(together[path])} is required elsewhere"
            raise InvalidInput(f"{where}.{values.cut(path)}", f"says {values.shown(value)}, {elsewhere}")
    if together:
        asked.fields[name] = together
