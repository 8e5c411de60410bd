"""What a worker offers: declared first, found second."""

from typing import Any

import pytest

from daemons.worker.services.capabilities import declared, machine_facts
from daemons.worker.services.gpu import Card
from daemons.worker.settings import WorkerSettings
from emp_core.domain.capabilities import Capabilities
from emp_core.environment import load_settings
from emp_core.errors import InvalidInput

FACTS = {"cpu_cores": 16, "ram_gb": 64.4, "disk_gb": 999.9, "gpu_count": 1, "gpu_memory_gb": 25.7, "gpu_model": "RTX"}


def offered(
    services: tuple[str, ...] = ("comfyui",), facts: dict[str, Any] | None = None, **variables: str
) -> Capabilities:
    settings = load_settings(WorkerSettings, {"SERVICES": ",".join(services), **variables})
    return declared(settings, services, FACTS if facts is None else facts)


def test_what_is_not_declared_is_found_in_whole_gigabytes() -> None:
    found = offered()
    assert (found.cpu_cores, found.ram_gb, found.disk_gb) == (16, 64, 999)
    assert (found.gpu_count, found.gpu_memory_gb, found.gpu_model) == (1, 25, "RTX")


def test_what_is_declared_wins() -> None:
    found = offered(GPU_COUNT="0", GPU_MEMORY_GB="16", GPU_MODEL="RTX 4080", RAM_GB="32")
    assert (found.gpu_count, found.gpu_memory_gb, found.gpu_model, found.ram_gb) == (0, 16, "RTX 4080", 32)


def test_without_a_gpu_nothing_is_said_of_one() -> None:
    found = offered(facts=machine_facts([]))
    assert (found.gpu_count, found.gpu_memory_gb, found.gpu_model) == (None, None, None)
    assert (found.cpu_cores or 0) >= 1


def test_of_several_gpus_the_smallest_counts() -> None:
    facts = machine_facts([Card("RTX 4090", 25_700_000_000), Card("RTX 3060", 12_900_000_000)])
    assert (facts["gpu_count"], facts["gpu_memory_gb"], facts["gpu_model"]) == (2, 12.9, "RTX 3060")


def test_models_are_listed_by_service_and_all_is_no_list() -> None:
    services = ("comfyui", "a1111", "simulation")
    found = offered(services, COMFYUI_MODELS="b,a", A1111_MODELS="all", MODELS="common")
    assert found.models == {"comfyui": ("a", "b"), "simulation": ("common",)}


def test_all_means_no_limit() -> None:
    found = offered(COMPONENTS="all", WORKFLOWS="all", QUALITY_LEVELS="all")
    assert (found.components, found.workflows, found.quality_levels) == (None, None, None)
    limited = offered(COMPONENTS="a,b", QUALITY_LEVELS="fast", WORKFLOWS_DENIED="w")
    assert (limited.components, limited.quality_levels, limited.workflows_denied) == (("a", "b"), ("fast",), ("w",))


def test_the_rest_of_the_offer_is_as_it_was_set() -> None:
    found = offered(
        CUSTOMER_ISOLATION="strict",
        ALLOWED_CUSTOMERS="acme",
        REGION="eu",
        COMPLIANCE="gdpr",
        COST_TIER="spot",
        RATE_PER_HOUR="1.5",
        MAX_PROCESSING_TIME_MINUTES="60",
        WORKER_TYPE="gpu",
        WORKER_CUSTOM='{"network": {"gbit": 10}}',
    )
    assert (found.isolation, found.allowed_customers) == ("strict", ("acme",))
    assert (found.region, found.compliance, found.tier) == ("eu", ("gdpr",), "spot")
    assert (found.rate_per_hour, found.max_minutes) == (1.5, 60)
    assert found.extra == {"network.gbit": 10, "worker_type": "gpu"}


def test_equal_machines_have_one_profile() -> None:
    assert offered(facts={**FACTS, "ram_gb": 64.1}).profile_id == offered(facts={**FACTS, "ram_gb": 64.9}).profile_id


def test_what_cannot_be_is_refused_with_its_name() -> None:
    with pytest.raises(InvalidInput, match="ram_gb"):
        offered(facts={**FACTS, "ram_gb": -1})
