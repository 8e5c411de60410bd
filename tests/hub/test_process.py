"""The hub as a process of its own: real sockets, real signals, and what it says when it cannot begin."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from structlog.testing import capture_logs

from daemons.hub import server as hub_server
from daemons.hub.__main__ import main
from daemons.hub.http.listening import listening, url_of
from daemons.hub.settings import HubSettings
from emp_core.errors import Misconfigured, QueueUnavailable
from emp_core.store import Store
from tests.generated import ROOT
from tests.hub.conftest import body_of
from tests.support.redis_server import Server
from tests.support.time_travel import fall_due
from tests.support.waiting import wait_until

START_SECONDS = 50.0
"""A second of work, on a machine that may have much else to do."""

HUB = ("-m", "daemons.hub")
PATIENT_HUB = (
    "-c",
    "import sys; from daemons.hub import __main__, server; from daemons.hub.http import bodies;"
    "server.GRACE_SECONDS = bodies.STALL_SECONDS = 600; sys.exit(__main__.main())",
)
"""One that lets requests go on, and waits for their bytes, for longer than any test."""

pytestmark = pytest.mark.timeout(120)


@dataclass(slots=True)
class HubProcess:
    """A hub that listens."""

    process: asyncio.subprocess.Process
    listening: Mapping[str, Any]
    """What it said of itself."""

    async def stop(self, number: int = signal.SIGTERM) -> tuple[int | None, list[dict[str, Any]]]:
        """Its exit code, and the lines that it logged since."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> tuple[int | None, list[dict[str, Any]]]:
        _, err = await self.process.communicate()
        return self.process.returncode, [json.loads(line) for line in err.splitlines()]


async def spawn(tmp_path: Path, hub: Sequence[str] = HUB, **variables: str) -> asyncio.subprocess.Process:
    environ = {"PATH": os.environ["PATH"], "LOG_FORMAT": "json", "EMP_DATA_DIR": str(tmp_path / "data"), **variables}
    return await asyncio.create_subprocess_exec(
        sys.executable, *hub, cwd=tmp_path, stderr=-1, env={**environ, "PYTHONPATH": str(ROOT)}
    )


@asynccontextmanager
async def running(tmp_path: Path, url: str, hub: Sequence[str] = HUB, **variables: str) -> AsyncIterator[HubProcess]:
    process = await spawn(tmp_path, hub, REDIS_URL=url, HUB_PORT="0", **variables)
    assert process.stderr is not None
    try:
        line = json.loads(await asyncio.wait_for(process.stderr.readline(), START_SECONDS))
        assert line["event"] == "hub.listening", line
        yield HubProcess(process, line)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def calling(url: str) -> httpx.AsyncClient:
    """A client as patient as everything here."""
    return httpx.AsyncClient(base_url=url, timeout=START_SECONDS)


async def test_a_hub_listens_answers_and_ends_with_0(server: Server, tmp_path: Path) -> None:
    async with running(tmp_path, server.url, WS_PORT="0") as hub:
        assert hub.listening["durability"] == "memory"
        assert len(hub.listening["urls"]) == 2
        async with httpx.AsyncClient(timeout=START_SECONDS) as client:
            for url in hub.listening["urls"]:
                assert body_of(await client.get(f"{url}/health"))["status"] == "ok"
            answer = await client.post(f"{hub.listening['urls'][1]}/jobs?token=secret", json={"service": "comfyui"})
            job_id = body_of(answer)["id"]
            assert body_of(await client.get(f"{hub.listening['urls'][0]}/api/jobs/{job_id}"))["unworkable"] is True
        code, lines = await hub.stop()
    assert code == 0
    events = [line["event"] for line in lines]
    assert (events[0], events[-2:]) == ("queue.not_durable", ["hub.stopping", "hub.stopped"])
    requests = [line for line in lines if line["event"] == "http.answered"]
    assert ("POST", "/jobs", 201) in [(line["method"], line["path"], line["status"]) for line in requests]
    assert "secret" not in repr(lines)


async def test_ctrl_c_ends_it_too(server: Server, tmp_path: Path) -> None:
    async with running(tmp_path, server.url) as hub:
        code, _ = await hub.stop(signal.SIGINT)
        assert code == 0


async def test_the_chores_run(store: Store, tmp_path: Path) -> None:
    async with running(tmp_path, store.url) as hub, calling(hub.listening["urls"][0]) as client:
        in_an_hour = body_of(await client.get("/stats"))["at"] + 3_600_000
        submitted = body_of(await client.post("/jobs", json={"service": "comfyui", "run_at": in_an_hour}))
        assert submitted["status"] == "delayed"
        await fall_due(store, submitted["id"])

        async def is_pending() -> bool:
            return bool(body_of(await client.get(f"/jobs/{submitted['id']}"))["status"] == "pending")

        await wait_until(is_pending, "the job falls due", START_SECONDS)


@asynccontextmanager
async def uploading(url: str) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """A request of which the last byte is missing; who sends it gets the status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))

    async def end() -> bytes:
        writer.write(b"x")
        return await reader.readline()

    try:
        writer.write(b"PUT /api/jobs/large/payload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        writer.write(b"x" * 999)
        await writer.drain()
        async with calling(url) as client:  # it was read once somebody else is served
            await client.get("/health")
        yield end
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_what_is_under_way_is_finished_and_nothing_new_begun(server: Server, tmp_path: Path) -> None:
    async with running(tmp_path, server.url, PATIENT_HUB) as hub, uploading(hub.listening["urls"][0]) as end:
        hub.process.send_signal(signal.SIGTERM)
        async with calling(hub.listening["urls"][0]) as client:
            await wait_until(lambda: is_refused(client), "it takes no new connections", START_SECONDS)
        assert hub.process.returncode is None
        assert await end() == b"HTTP/1.1 204 No Content\r\n"
        code, _ = await hub.ended()
        assert code == 0


async def is_refused(client: httpx.AsyncClient) -> bool:
    try:
        await client.get("/health")
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        pass  # it hung up: only a new connection tells
    return False


async def test_asked_twice_it_ends_at_once(server: Server, tmp_path: Path) -> None:
    async with running(tmp_path, server.url, PATIENT_HUB) as hub, uploading(hub.listening["urls"][0]):
        hub.process.send_signal(signal.SIGTERM)
        async with calling(hub.listening["urls"][0]) as client:
            await wait_until(lambda: is_refused(client), "it stops", START_SECONDS)
        async with asyncio.timeout(START_SECONDS):
            code, _ = await hub.stop()
        assert code == 0


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"HUB_HOST": "0.0.0.0"}, "HUB_HOST=0.0.0.0 is reachable from other machines: set WS_AUTH_TOKEN too"),
        ({"HUB_PORT": "high"}, "HUB_PORT=high: must be a whole number"),
        ({"EMP_HUB_PORT": "1"}, "EMP_HUB_PORT is not a setting; did you mean HUB_PORT?"),
    ],
)
def test_a_setting_that_cannot_work_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    line: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    assert main() == 2
    assert capsys.readouterr().err == f"error: {line}\n"


def urls_of(settings: HubSettings) -> list[str]:
    with listening(settings) as sockets:
        return [url_of(bound) for bound in sockets]


def test_a_port_in_use_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured, match=f"HUB_PORT={port}: cannot listen on 127.0.0.1: Address already in use"):
            urls_of(HubSettings(hub_port=port))


def test_the_second_port_is_the_first_ones_twin_or_none_at_all() -> None:
    def urls(**fields: Any) -> list[str]:
        return urls_of(HubSettings(hub_port=0, **fields))

    assert len(urls()) == 1
    assert len(urls(ws_port=0)) == 2
    assert urls(hub_host="::1")[0].startswith("http://[::1]:")


async def test_a_hub_waits_a_moment_for_redis_and_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: str, **__: bool) -> Store:
        raise QueueUnavailable("redis_unavailable", "nobody is there")

    monkeypatch.setattr(hub_server, "START_SECONDS", 1.0)
    monkeypatch.setattr(hub_server, "open_store", nobody)  # at once: its time is over when it has waited
    settings = HubSettings(hub_port=0, data_dir=tmp_path)
    with capture_logs() as logs, pytest.raises(QueueUnavailable):
        await hub_server.run_hub(settings, f"unix://{tmp_path}/nobody.sock")
    assert [entry["event"] for entry in logs] == ["hub.waiting"]


async def test_a_hub_announces_itself_from_when_it_listens_with_the_ports_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_server, "START_SECONDS", 0.0)
    told: list[str] = []

    @contextmanager
    def announced(urls: Sequence[str]) -> Iterator[None]:
        for url in urls:
            socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)).close()
            told.append(url)
        yield

    settings = HubSettings(hub_port=0, ws_port=0, data_dir=tmp_path)
    with pytest.raises(QueueUnavailable):
        await hub_server.run_hub(settings, f"unix://{tmp_path}/nobody.sock", announced)
    assert len(set(told)) == 2


async def test_a_hub_that_cannot_listen_announces_nothing(tmp_path: Path) -> None:
    def announced(urls: Sequence[str]) -> AbstractContextManager[None]:
        raise AssertionError(urls)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = HubSettings(hub_port=taken.getsockname()[1], data_dir=tmp_path)
        with pytest.raises(Misconfigured, match="Address already in use"):
            await hub_server.run_hub(settings, f"unix://{tmp_path}/nobody.sock", announced)


async def test_redis_may_start_after_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_server, "START_SECONDS", START_SECONDS)
    redis = Server("valkey")
    try:
        redis.kill()
        with capture_logs() as logs:
            opening = asyncio.create_task(hub_server._open(redis.url, HubSettings()))
            await wait_until(lambda: logs, "it waits", START_SECONDS)
        redis.start()
        store = await opening
        await store.close()
    finally:
        redis.close()
