"""What a worker is told: its own settings and those of its connectors, from the environment and `.env.worker`."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from daemons.simulation.comfyui import SimulatedComfyUI
from daemons.worker.configuration import Configuration, load_worker
from daemons.worker.connectors.comfyui import ComfyUISettings
from daemons.worker.connectors.simulation import SimulationSettings
from daemons.worker.run import run_worker
from emp_cli import surroundings
from emp_core.domain.states import JobState
from emp_core.errors import Misconfigured
from emp_core.store import Store
from tests.support.agents import until
from tests.support.builders import submit
from tests.support.comfyui import txt2img

DOCUMENT_002 = Path(__file__).parents[1] / "data" / "documents" / "002.env.worker"

MINE = """
from daemons.worker.connector import Build
from emp_core.settings import SettingsModel
from pydantic_settings import SettingsConfigDict

class MineSettings(SettingsModel):
    model_config = SettingsConfigDict(env_prefix="MINE_")
    url: str = "http://mine"
    tries: int = 3

class Mine:
    service, reports_progress, concurrency = "mine", False, 1

def build(build: Build, settings: MineSettings) -> Mine:
    return Mine()
"""


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def comfyui(**variables: str) -> ComfyUISettings:
    """The settings of ComfyUI, given these variables without their prefix."""
    prefixed = {f"COMFYUI_{name}": text for name, text in variables.items()}
    (chosen,) = load_worker({"SERVICES": "comfyui", **prefixed}).connectors
    assert isinstance(chosen.settings, ComfyUISettings)
    return chosen.settings


def models(told: Configuration) -> list[str]:
    return [type(chosen.settings).__name__ for chosen in told.connectors]


def refusal(services: str = "comfyui", **variables: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        load_worker({"SERVICES": services, **variables})
    assert "\n" not in caught.value.message
    return caught.value.message


def test_file_of_document_002_is_read_with_warnings_for_what_is_not_there_yet() -> None:
    told = load_worker({}, env_file=DOCUMENT_002)
    assert models(told) == ["ComfyUISettings"]
    assert told.settings.notes == (
        "SERVICES: there is no connector a1111 (the worker goes on without it)",
        "A1111_URL is not used yet: this version of emp does nothing with it",
        "WORKER_DASHBOARD_ENABLED is not used yet: this version of emp does nothing with it",
        "WORKER_DASHBOARD_PORT is not used yet: this version of emp does nothing with it",
    )


async def test_worker_with_the_file_of_document_002_serves_comfyui(store: Store, tmp_path: Path) -> None:
    """Only its addresses, which are examples, give way to real ones."""
    async with SimulatedComfyUI() as server:
        real = {"HUB_REDIS_URL": store.url, "COMFYUI_URL": server.url, "ARTIFACTS_URL": tmp_path.as_uri()}
        told = load_worker({**real, "EMP_DATA_DIR": str(tmp_path)}, env_file=DOCUMENT_002)
        worker = asyncio.ensure_future(run_worker(told, store.url))
        job = await submit(store, service="comfyui", payload={"workflow": txt2img()})
        await until(store, job, JobState.COMPLETED)
        signal.raise_signal(signal.SIGTERM)
        await worker


def test_service_without_connector_is_a_warning_while_others_remain() -> None:
    told = load_worker({"SERVICES": "simulatoin,simulation"})
    assert models(told) == ["SimulationSettings"]
    assert told.settings.notes == (
        "SERVICES: there is no connector simulatoin; did you mean simulation? (the worker goes on without it)",
    )
    assert refusal("a1111,ollama") == "SERVICES: there is no connector a1111"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"COMFYUI_URL": "http://box"}, ["ComfyUISettings"]),
        ({"COMFYUI_HOST": "box", "A1111_URL": "http://box"}, ["ComfyUISettings"]),
        ({"COMFYUI_HOST": "box", "SERVICES": "simulation"}, ["SimulationSettings"]),
    ],
)
def test_services_are_those_named_or_those_addressed(variables: dict[str, str], expected: list[str]) -> None:
    assert models(load_worker(variables)) == expected


@pytest.mark.parametrize("variables", [{}, {"COMFYUI_PORT": "9"}, {"SIMULATION_STEPS": "2"}])
def test_no_service_at_all_is_an_error_that_says_how_to_name_one(variables: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="SERVICES: is not set"):
        load_worker(variables)


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("KEEP_TEMP", "true", "keep_temp", True),
        ("ALLOW_PARTIAL", "yes", "allow_partial", True),
        ("VERIFY", "false", "verify", False),
        ("CA_FILE", str(DOCUMENT_002), "ca_file", DOCUMENT_002),
        ("MODEL_FOLDERS", "checkpoints, loras", "model_folders", ("checkpoints", "loras")),
        ("ALLOWED_CLASSES", "KSampler,SaveImage", "allowed_classes", frozenset({"KSampler", "SaveImage"})),
        ("DENIED_CLASSES", "Run", "denied_classes", frozenset({"Run"})),
        ("HEADERS", '{"Authorization": "Bearer a,b"}', "headers", {"Authorization": "Bearer a,b"}),
        ("HEADERS", "X-Key: a:b , X-Other:c", "headers", {"X-Key": "a:b", "X-Other": "c"}),
        ("READ_TIMEOUT", "5", "read_timeout", 5.0),
    ],
)
def test_connector_reads_its_own_variables(variable: str, text: str, field: str, value: Any) -> None:
    assert getattr(comfyui(**{variable: text}), field) == value


@pytest.mark.parametrize(
    ("variables", "url", "socket"),
    [
        ({}, "http://127.0.0.1:8188/", "ws://127.0.0.1:8188/ws"),
        ({"URL": "https://u:p@box/comfy/"}, "https://u:p@box/comfy/", "wss://u:p@box/comfy/ws"),
        ({"URL": "http://u:p@[::1]:1", "WS_PORT": "2"}, "http://u:p@[::1]:1/", "ws://u:p@[::1]:2/ws"),
        ({"HOST": "::1", "PORT": "9"}, "http://[::1]:9/", "ws://[::1]:9/ws"),
        ({"HOST": "comfyui-server", "WS_PORT": "8189"}, "http://comfyui-server:8188/", "ws://comfyui-server:8189/ws"),
        ({"URL": "http://a:1", "HOST": "b"}, "http://a:1/", "ws://a:1/ws"),
        ({"WS_URL": "ws://c:2", "WS_PORT": "3"}, "http://127.0.0.1:8188/", "ws://c:2/ws"),
    ],
)
def test_where_comfyui_answers(variables: dict[str, str], url: str, socket: str) -> None:
    settings = comfyui(**variables)
    assert (settings.url, settings.socket_url) == (url, socket)


@pytest.mark.parametrize(
    ("variable", "text", "problem"),
    [
        ("COMFYUI_URL", "localhost:8188", "must be a URL that begins with http://, https://"),
        ("COMFYUI_CA_FILE", "/no/such.pem", "cannot be read: No such file or directory"),
        ("COMFYUI_READ_TIMEOUT", "0", "must be greater than 0"),
        ("SIMULATION_STEPS", "many", "must be a whole number"),
    ],
)
def test_value_of_a_connector_that_cannot_work_is_refused(variable: str, text: str, problem: str) -> None:
    assert refusal("comfyui,simulation", **{variable: text}) == f"{variable}={text}: {problem}"


@pytest.mark.parametrize("text", ["{secret", "secret", "X-Key: sécret", '{"X-Key": ["secret"]}'])
def test_headers_that_cannot_work_are_refused_without_being_shown(text: str) -> None:
    message = refusal(COMFYUI_HEADERS=text)
    assert message.startswith("COMFYUI_HEADERS=***: must be ")
    assert "cret" not in message


def test_unknown_variable_of_a_connector_is_an_error_that_names_the_nearest() -> None:
    Path(".env.worker").write_text("COMFYUI_KEEP_TMP=true\n")
    assert refusal() == ".env.worker, line 1: COMFYUI_KEEP_TMP is not a setting; did you mean COMFYUI_KEEP_TEMP?"


def test_file_may_set_connectors_that_are_not_in_use() -> None:
    Path(".env.worker").write_text("SERVICES=simulation\nCOMFYUI_KEEP_TEMP=true\nSIMULATION_STEPS=2\n")
    (chosen,) = load_worker({}).connectors
    assert isinstance(chosen.settings, SimulationSettings)
    assert chosen.settings.steps == 2


def test_connector_of_a_third_party_brings_variables_too(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    Path(".env.worker").write_text("SERVICES=./mine.py:build\nMINE_URL=http://there\n")
    (chosen,) = load_worker({"MINE_TRIES": "5"}).connectors
    assert chosen.settings is not None
    assert chosen.settings.model_dump() == {"url": "http://there", "tries": 5}
    Path(".env.worker").write_text("SERVICES=./mine.py:build\nMINE_TREIS=1\n")
    with pytest.raises(Misconfigured, match="line 2: MINE_TREIS is not a setting; did you mean MINE_TRIES"):
        load_worker({})


def test_command_that_looks_for_the_queue_does_not_run_the_code_of_a_third_party() -> None:
    Path(".env.worker").write_text("REDIS_URL=redis://there\nSERVICES=./not-there.py:build\nMINE_URL=http://there\n")
    assert surroundings.read().settings.url == "redis://there"
    Path(".env.worker").write_text("REDIS_ULR=redis://there\nSERVICES=comfyui\nCOMFYUI_KEEP_TEMP=true\n")
    with pytest.raises(Misconfigured, match="line 1: REDIS_ULR is not a setting"):
        surroundings.read()
