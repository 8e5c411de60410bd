"""What the server of `emp dashboard --web` lets in, and what becomes of its processes."""

import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from emp_cli.commands.dashboard import BROWSER
from emp_cli.web.server import MOST_SESSIONS, DashboardServer, Program, listen
from emp_core.errors import InvalidInput, Misconfigured
from emp_core.store import Store
from tests.generated import ROOT
from tests.support.waiting import wait_until

TOKEN = "the-token"

OUTSIDE = re.compile(r"""(url\(|@import|src=|href=)\s*["']?(https?:)?//""")
"""What a browser would load from elsewhere; a comment or a link that a person may follow is none."""

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture
async def server(store: Store, surroundings: Path) -> AsyncIterator[DashboardServer]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TEXTUAL_DRIVER": BROWSER}
    with listen("127.0.0.1", 0) as listening:
        served = DashboardServer(Program(("dashboard",), environ), listening, TOKEN)
        async with served.serving():
            yield served
    assert not dashboards()


def dashboards() -> list[psutil.Process]:
    """The processes that this one has started and that show a dashboard."""
    return [each for each in psutil.Process().children() if _is_dashboard(each)]


def _is_dashboard(process: psutil.Process) -> bool:
    try:
        return "dashboard" in process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):  # it ends just now
        return False


def cookie_of(server: DashboardServer, token: str = TOKEN) -> dict[str, str]:
    return {"Cookie": f"emp-dashboard-{server.port}={token}"}


async def get(server: DashboardServer, path: str, headers: Mapping[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"{server.public_url}{path}", headers=dict(headers))


@asynccontextmanager
async def session(server: DashboardServer) -> AsyncIterator[ClientConnection]:
    origin = Origin(server.public_url)
    url = f"ws://127.0.0.1:{server.port}/ws?width=100&height=30"
    async with connect(url, origin=origin, additional_headers=cookie_of(server), proxy=None) as socket:
        yield socket


async def sees(socket: ClientConnection, word: str) -> None:
    seen = b""
    while word.encode() not in seen:
        seen += await socket.recv(decode=False)


async def test_the_token_becomes_a_cookie_and_leaves_the_address_bar(server: DashboardServer) -> None:
    answer = await get(server, f"/?token={TOKEN}", {})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert answer.headers["Set-Cookie"].split("; ") == [
        f"emp-dashboard-{server.port}={TOKEN}",
        "HttpOnly",
        "Path=/",
        "SameSite=Strict",
    ]
    assert (await get(server, "/", cookie_of(server))).status_code == 200


@pytest.mark.parametrize("path", ["/", "/ws", "/page.js", "/static/js/textual.js", "/download/x", "/nothing"])
async def test_without_the_token_nothing_is_served(server: DashboardServer, path: str) -> None:
    for headers in ({}, cookie_of(server, "wrong"), cookie_of(server, "")):
        answer = await get(server, path, {"Origin": server.public_url, **headers})
        assert answer.status_code == 403
        assert "Open the URL" in answer.text


async def test_a_wrong_token_is_no_cookie(server: DashboardServer) -> None:
    answer = await get(server, "/?token=wrong", cookie_of(server))
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


async def test_a_cookie_that_is_not_ascii_is_refused(server: DashboardServer) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        cookie = f"emp-dashboard-{server.port}=".encode() + b"\xe9\xff"
        answer = await client.get(f"{server.public_url}/", headers={b"Cookie": cookie})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1:{port}"]
)
async def test_a_socket_of_a_foreign_page_is_refused_before_it_is_accepted(
    server: DashboardServer, origin: str | None
) -> None:
    headers = {} if origin is None else {"Origin": origin.format(port=server.port)}
    answer = await get(server, "/ws", {**UPGRADE, **cookie_of(server), **headers})
    assert answer.status_code == 403
    assert not dashboards()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "10.0.0.1", ""])
async def test_a_forged_host_is_refused(server: DashboardServer, host: str) -> None:
    forged = host.format(port=server.port)
    for path in ("/", "/ws", f"/?token={TOKEN}"):
        headers = {**UPGRADE, **cookie_of(server), "Host": forged, "Origin": f"http://{forged}"}
        answer = await get(server, path, headers)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
    assert not dashboards()


async def test_a_tunnel_may_have_another_port(server: DashboardServer) -> None:
    headers = {**cookie_of(server), "Host": "localhost:9000", "Origin": "http://localhost:9000"}
    answer = await get(server, "/", headers)
    assert answer.status_code == 200
    assert "ws://localhost:9000/ws" in answer.text


async def test_no_page_loads_anything_from_outside(server: DashboardServer) -> None:
    page = await get(server, "/", cookie_of(server))
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    links = [f"/{path}" for path in ("", "page.js", "static/css/xterm.css", "static/js/textual.js")]
    for link in links:
        answer = await get(server, link, cookie_of(server))
        assert answer.status_code == 200
        assert not OUTSIDE.search(answer.text)


async def test_a_session_ends_with_its_socket(server: DashboardServer) -> None:
    async with session(server) as socket:
        await sees(socket, "Overview")
        (process,) = dashboards()
    await wait_until(lambda: not process.is_running(), "the dashboard ends")


async def test_a_socket_ends_with_its_dashboard(server: DashboardServer) -> None:
    async with session(server) as socket:
        await sees(socket, "Overview")
        await socket.send('["stdin", "q"]')
        with pytest.raises(ConnectionClosed):
            await sees(socket, "nothing more")


async def test_a_killed_dashboard_closes_its_socket(server: DashboardServer) -> None:
    async with session(server) as socket:
        await sees(socket, "Overview")
        (process,) = dashboards()
        process.kill()
        with pytest.raises(ConnectionClosed):
            await sees(socket, "nothing more")


async def test_a_fifth_browser_is_told_that_four_are_served(server: DashboardServer) -> None:
    sessions = [session(server) for _ in range(MOST_SESSIONS)]
    sockets = [await each.__aenter__() for each in sessions]
    try:
        page = await get(server, "/", cookie_of(server))
        assert (page.status_code, page.headers["Refresh"]) == (503, "3")
        assert page.text.startswith("4 browsers show this dashboard")
        socket = await get(server, "/ws", {**UPGRADE, **cookie_of(server), "Origin": server.public_url})
        assert socket.status_code == 503
        await sees(sockets[0], "Overview")
        assert len(dashboards()) == MOST_SESSIONS
    finally:
        for each in sessions:
            await each.__aexit__(None, None, None)
    await wait_until(lambda: not dashboards(), "all dashboards end")
    assert (await get(server, "/", cookie_of(server))).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "localhost", "192.168.1.1"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        listen(host, 0)
    assert "ssh -L" in refusal.value.hint


def test_a_port_that_is_taken_is_refused() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(Misconfigured, match=r"cannot listen at 127\.0\.0\.1, port"):
        listen("127.0.0.1", taken.getsockname()[1])
