"""What a worker offers: what its operator declared, and for the rest what the machine has."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from daemons.worker.services.gpu import Card
from daemons.worker.settings import WorkerSettings
from emp_core.domain.capabilities import Capabilities

GB = 10**9


def machine_facts(gpus: Sequence[Card]) -> dict[str, Any]:
    """Totals of this machine; GB are 10^9 bytes."""
    facts: dict[str, Any] = {
        "cpu_cores": psutil.cpu_count() or 1,
        "ram_gb": psutil.virtual_memory().total / GB,
        "disk_gb": shutil.disk_usage(Path.home()).total / GB,
    }
    if gpus:
        smallest = min(gpus, key=lambda gpu: gpu.memory_bytes)
        facts |= {"gpu_count": len(gpus), "gpu_memory_gb": smallest.memory_bytes / GB, "gpu_model": smallest.name}
    return facts


def declared(settings: WorkerSettings, services: Sequence[str], facts: Mapping[str, Any]) -> Capabilities:
    """The profile before any service was asked for its models. Raises `InvalidInput`."""
    hardware = {name: _first(getattr(settings, name), facts.get(name)) for name in _HARDWARE}
    models = {service: settings.models_of(service) for service in services}
    return Capabilities.parse(
        {
            **hardware,
            "services": list(services),
            "models": {service: names for service, names in models.items() if names not in (None, "all")},
            "components": _unless_all(settings.components),
            "components_denied": settings.components_denied,
            "workflows": _unless_all(settings.workflows),
            "workflows_denied": settings.workflows_denied,
            "isolation": settings.customer_isolation,
            "allowed_customers": settings.allowed_customers,
            "denied_customers": settings.denied_customers,
            "quality_levels": _unless_all(settings.quality_levels),
            "max_minutes": settings.max_processing_time_minutes,
            "region": settings.region,
            "compliance": settings.compliance,
            "tier": settings.cost_tier,
            "rate_per_hour": settings.rate_per_hour,
            "rate_per_job": settings.rate_per_job,
            "extra": _extra(settings),
        }
    )


def found(settings: WorkerSettings, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The capabilities that no setting declares, as they were found on this machine."""
    return tuple(name for name in _HARDWARE if getattr(settings, name) is None and name in facts)


_HARDWARE = ("gpu_count", "gpu_memory_gb", "gpu_model", "cpu_cores", "ram_gb", "disk_gb")


def _first(said: Any, found: Any) -> Any:
    return found if said is None else said


def _unless_all(names: Any) -> Any:
    return None if names == "all" else names


def _extra(settings: WorkerSettings) -> dict[str, Any]:
    label = {"worker_type": settings.worker_type} if settings.worker_type else {}
    return {**label, **settings.worker_custom}
