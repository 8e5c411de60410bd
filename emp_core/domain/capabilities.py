"""What a worker offers, in canonical form.

Workers with identical capabilities share one profile. It holds totals, never free amounts (those are health), in whole
GB rounded down, so that equal machines are equal here too.
"""

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, cast

from emp_core.domain import values
from emp_core.domain.requirements import ISOLATION_LEVELS
from emp_core.domain.values import Value
from emp_core.ids import digest

MATCH_VERSION = 1
"""Part of every profile's id: a change of the rules of `matching` makes all stored verdicts void."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """None means not known for hardware and cost, and not limited for the rest. Build it with `parse`."""

    services: tuple[str, ...] = ()
    job_types: tuple[str, ...] | None = None
    gpu_memory_gb: int | None = None
    """Per GPU, whole GB of 10^9 bytes: a card sold as 24 GB has 25.7 of them."""

    gpu_count: int | None = None
    gpu_model: str | None = None
    cpu_cores: int | None = None
    ram_gb: int | None = None
    disk_gb: int | None = None
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Service -> its models; a service that is not listed has all models."""

    components: tuple[str, ...] | None = None
    components_denied: tuple[str, ...] = ()
    workflows: tuple[str, ...] | None = None
    workflows_denied: tuple[str, ...] = ()
    isolation: str = "none"
    allowed_customers: tuple[str, ...] = ()
    """Whom a strict worker serves; empty means nobody."""

    denied_customers: tuple[str, ...] = ()
    quality_levels: tuple[str, ...] | None = None
    max_minutes: float | None = None
    region: str | None = None
    compliance: tuple[str, ...] = ()
    tier: str | None = None
    rate_per_hour: float | None = None
    rate_per_job: float | None = None
    extra: Mapping[str, Value] = field(default_factory=dict[str, Value])
    """Any other capability, as dotted paths."""

    @classmethod
    def parse(cls, source: Mapping[str, Any], *, where: str = "capabilities") -> Self:
        """Read capabilities from JSON. Raises `InvalidInput` with the field's name."""
        values.refuse_unknown(where, source, _READERS)
        given = {name: value for name, value in source.items() if value is not None}
        read = {name: _READERS[name](f"{where}.{name}", value) for name, value in given.items()}
        return cls(**read)

    def to_json(self) -> dict[str, Any]:
        """Only what is known, in the fields' order."""
        items = ((item.name, getattr(self, item.name), item.default) for item in fields(self))
        return {name: value for name, value, default in items if value != default and value != {}}

    def canonical(self) -> str:
        """One text for one meaning."""
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))

    @property
    def profile_id(self) -> str:
        """The profile of all workers that offer exactly this."""
        return digest(f"{MATCH_VERSION}:{self.canonical()}")

    @property
    def rank(self) -> int:
        """Who is woken first: the least capable (GPU memory, then RAM), then the cheapest. Static, below 2^53."""
        gpu_gb = min((self.gpu_memory_gb or 0) * (self.gpu_count or 1), 99_999)
        ram_gb = min(self.ram_gb or 0, 9_999)
        cents = min(round((self.rate_per_hour or 0) * 100), 99_999)
        return (gpu_gb * 10_000 + ram_gb) * 100_000 + cents

    def without_services(self, down: frozenset[str]) -> Self:
        """The profile of what is left of a worker while some of its services are down."""
        return replace(self, services=tuple(service for service in self.services if service not in down))


@functools.lru_cache(maxsize=10_000)
def capabilities_of(canonical: str) -> Capabilities:
    """The capabilities behind a profile's canonical text."""
    return Capabilities.parse(json.loads(canonical))


def _read_whole(where: str, value: object) -> int:
    return math.floor(values.read_number(where, value))


def _read_model_lists(where: str, value: object) -> dict[str, tuple[str, ...]]:
    lists = values.read_mapping(where, value)
    return {service: _read_models(f"{where}.{service}", names) for service, names in sorted(lists.items())}


def _read_models(where: str, value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return values.read_names(where, names)
    return tuple(sorted({values.read_text(where, name) for name in cast(tuple[object, ...], names)}))


def _read_isolation(where: str, value: object) -> str:
    return values.read_choice(where, value, ISOLATION_LEVELS)


_READERS: Mapping[str, Any] = {
    "services": values.read_names,
    "job_types": values.read_names,
    "gpu_memory_gb": _read_whole,
    "gpu_count": values.read_int,
    "gpu_model": values.read_text,
    "cpu_cores": values.read_int,
    "ram_gb": _read_whole,
    "disk_gb": _read_whole,
    "models": _read_model_lists,
    "components": values.read_names,
    "components_denied": values.read_names,
    "workflows": values.read_names,
    "workflows_denied": values.read_names,
    "isolation": _read_isolation,
    "allowed_customers": values.read_names,
    "denied_customers": values.read_names,
    "quality_levels": values.read_names,
    "max_minutes": values.read_number,
    "region": values.read_text,
    "compliance": values.read_names,
    "tier": values.read_text,
    "rate_per_hour": values.read_number,
    "rate_per_job": values.read_number,
    "extra": values.read_flat,
}
