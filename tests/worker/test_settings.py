"""The worker's settings: the variables of documents 002 and 004, and what follows from them."""

from pathlib import Path
from typing import Any

import pytest

from daemons.worker.settings import WorkerSettings
from emp_core.environment import load_settings
from emp_core.errors import Misconfigured

DOCUMENT_002 = {
    "HUB_REDIS_URL": "redis://hub-host:6379",
    "HUB_WS_URL": "ws://hub-host:3002",
    "HUB_AUTH_TOKEN": "your-secret-token",
    "WORKER_ID": "gpu-worker-01",
    "WORKER_TYPE": "gpu",
    "SERVICES": "comfyui,a1111",
    "COMFYUI_URL": "http://localhost:8188",
    "A1111_URL": "http://localhost:7860",
    "GPU_COUNT": "1",
    "GPU_MEMORY_GB": "16",
    "GPU_MODEL": "RTX 4090",
    "CPU_CORES": "8",
    "RAM_GB": "32",
    "CONCURRENT_JOBS": "1",
    "QUALITY_LEVELS": "fast,balanced,quality",
    "WORKER_DASHBOARD_ENABLED": "true",
    "WORKER_DASHBOARD_PORT": "1511",
}

DOCUMENT_004 = {
    "WORKER_ID": "machine1:gpu0",
    "MACHINE_ID": "machine1",
    "GPU_COUNT": "2",
    "REDIS_HOST": "redis-server",
    "REDIS_PORT": "6379",
    "COMFYUI_HOST": "comfyui-server",
    "COMFYUI_PORT": "8188",
    "COMFYUI_WS_PORT": "8189",
}


def load(**variables: str) -> WorkerSettings:
    return load_settings(WorkerSettings, variables)


def test_the_variables_of_document_002_are_read() -> None:
    settings = load(**DOCUMENT_002)
    assert (settings.url, settings.hub_ws_url) == ("redis://hub-host:6379", "ws://hub-host:3002")
    assert settings.hub_auth_token is not None
    assert settings.hub_auth_token.get_secret_value() == "your-secret-token"
    assert (settings.worker_id, settings.worker_type) == ("gpu-worker-01", "gpu")
    assert settings.services == ("comfyui", "a1111")
    assert (settings.gpu_count, settings.gpu_memory_gb, settings.gpu_model) == (1, 16, "RTX 4090")
    assert (settings.cpu_cores, settings.ram_gb, settings.concurrent_jobs) == (8, 32, 1)
    assert settings.quality_levels == ("fast", "balanced", "quality")
    assert (settings.worker_dashboard_enabled, settings.worker_dashboard_port) == (True, 1511)


def test_the_variables_of_document_004_are_read() -> None:
    settings = load(**DOCUMENT_004)
    assert (settings.worker_id, settings.machine_id, settings.gpu_count) == ("machine1:gpu0", "machine1", 2)
    assert settings.url == "redis://redis-server:6379/0"


def test_the_hub_s_redis_wins_over_any_other() -> None:
    assert load(HUB_REDIS_URL="redis://a", REDIS_URL="redis://b", REDIS_HOST="c").url == "redis://a"


def test_a_service_s_own_models_win_over_those_of_all() -> None:
    settings = load(MODELS="sd15", COMFYUI_MODELS="all", A1111_MODELS="")
    assert settings.models_of("comfyui") == "all"
    assert settings.models_of("a1111") == ("sd15",)
    assert load().models_of("comfyui") is None


@pytest.mark.parametrize(
    ("variable", "text", "field_name", "value"),
    [
        ("STORAGE_GB", "500", "disk_gb", 500),
        ("COMPLIANCE_TAGS", "gdpr,hipaa", "compliance", ("gdpr", "hipaa")),
        ("CUSTOMER_ISOLATION", "strict", "customer_isolation", "strict"),
        ("ALLOWED_CUSTOMERS", "a,b", "allowed_customers", ("a", "b")),
        ("DENIED_CUSTOMERS", "c", "denied_customers", ("c",)),
        ("MAX_CONCURRENT_CUSTOMERS", "10", "max_concurrent_customers", 10),
        ("REGION", "eu-west", "region", "eu-west"),
        ("COST_TIER", "standard", "cost_tier", "standard"),
        ("RATE_PER_HOUR", "1.5", "rate_per_hour", 1.5),
        ("COMPONENTS", "a,b", "components", ("a", "b")),
        ("COMPONENTS", "all", "components", "all"),
        ("WORKFLOWS_DENIED", "x", "workflows_denied", ("x",)),
        ("MAX_PROCESSING_TIME_MINUTES", "60", "max_processing_time_minutes", 60),
        ("WORKER_WORKFLOW_ID", "wf-1", "worker_workflow_id", "wf-1"),
        ("WORKER_CUSTOM", '{"net": {"gbit": 10}}', "worker_custom", {"net": {"gbit": 10}}),
        ("ORPHAN_RUN_SECONDS", "60", "orphan_run_seconds", 60),
    ],
)
def test_what_a_worker_offers(variable: str, text: str, field_name: str, value: Any) -> None:
    assert getattr(load(**{variable: text}), field_name) == value


def test_its_file_is_env_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env.worker").write_text("CONCURRENT_JOBS=2\n")
    assert load().concurrent_jobs == 2


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("WORKER_ID", "a b", "must be 1 to 128 of A-Z a-z 0-9 . _ : - and begin with a letter or a digit"),
        ("CUSTOMER_ISOLATION", "some", "must be 'strict', 'loose' or 'none'"),
        ("CONCURRENT_JOBS", "0", "must be 1 to 1024"),
        ("HUB_WS_URL", "http://hub", "must be a URL that begins with ws://, wss://"),
        ("GPU_MEMORY_GB", "16GB", "must be a number"),
    ],
)
def test_a_value_that_cannot_work_is_refused(variable: str, text: str, problem: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        load(**{variable: text})
    assert caught.value.message == f"{variable}={text}: {problem}"
