"""The server of `emp dashboard --web`.

textual-serve runs the dashboard in a process for each WebSocket, and shows it in the browser by xterm.js. As it comes
it serves everybody who reaches its port: other users of this machine, and any page that is open in the same browser.
So this listens on loopback only, refuses a foreign Host and a foreign Origin before anything else, and wants a token,
which the first request exchanges for a cookie.
"""

import asyncio
import hmac
import html
import re
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from aiohttp import WSCloseCode, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager
from textual_serve.server import Server, to_int

from emp_core.errors import InvalidInput, Misconfigured

MOST_SESSIONS = 4
STOP_SECONDS = 5.0
HEARTBEAT_SECONDS = 15.0

LOOPBACK = ("127.0.0.1", "::1")

# A tunnel may have another port at the browser's end, so any will do. The Origin must equal the Host, with its port.
OUR_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)

SOCKET = "/ws"
PAGE = Path(__file__).with_name("page.html")
SCRIPT = Path(__file__).with_name("page.js")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""xterm.js writes style elements."""

WRONG_TOKEN = "Open the URL that `emp dashboard --web` printed when it started: it holds the token.\n"
FULL = (
    f"{MOST_SESSIONS} browsers show this dashboard, the most that one `emp dashboard --web` serves.\n"
    "Close one of them: this page tries again every 3 seconds.\n"
)

PRELUDE = b"__GANGLION__\n"
"""What a Textual program writes before its first packet."""

DISCARDED = 65_536
"""When the browser has gone, the rest of the output is read in pieces of so many bytes, and dropped."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Program:
    """The dashboard that each session runs."""

    arguments: tuple[str, ...]
    """What stands behind `emp`. Everybody on this machine can read it, so secrets are in the environment."""

    environ: Mapping[str, str]


def listen(host: str, port: int) -> socket.socket:
    """A socket that only this machine reaches; port 0 takes a free one. Raises `InvalidInput`, `Misconfigured`."""
    if host not in LOOPBACK:
        tunnel = "ssh -L 3003:127.0.0.1:3003 this-machine"
        raise InvalidInput(
            "host",
            f"{host!r} is neither 127.0.0.1 nor ::1: other machines must not reach a dashboard in a browser",
            hint=f"leave --host out, and open an SSH tunnel from the other machine: {tunnel}",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise Misconfigured(
            f"cannot listen at {host}, port {port}: {error.strerror}",
            hint="choose another one with --port; --port 0 takes a free one",
        ) from error


class Session(AppService):
    """One dashboard: its process, and the browser that shows it."""

    def __init__(self, program: Program, websocket: web.WebSocketResponse, downloads: DownloadManager) -> None:
        super().__init__(
            "emp dashboard",
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=self._close_socket,
            download_manager=downloads,
        )
        self._program = program
        self._websocket = websocket

    async def _close_socket(self) -> None:
        await self._websocket.close()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "emp_cli", *self._program.arguments),
            stdin=PIPE,
            stdout=PIPE,
            env={**self._program.environ, "COLUMNS": str(width), "ROWS": str(height)},
            start_new_session=True,  # Ctrl-C reaches the server, which ends its sessions
        )
        self._stdin = self._process.stdin
        return self._process

    async def run(self) -> None:
        """Show what the process writes, until it ends."""
        assert self._process is not None
        assert self._process.stdout is not None
        show = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}
        stdout = self._process.stdout
        try:
            await stdout.readexactly(len(PRELUDE))
            while True:
                kind, size = await stdout.readexactly(1), int.from_bytes(await stdout.readexactly(4), "big")
                await show[kind](await stdout.readexactly(size))
        except asyncio.IncompleteReadError:
            pass  # it has ended
        except ConnectionResetError:  # the browser has gone; a process whose output is not read cannot end
            while await stdout.read(DISCARDED):
                pass
        finally:
            await self.remote_close()

    async def stop(self) -> None:
        """End the process: ask it to, and kill it if it has not ended in time."""
        assert self._process is not None
        assert self._task is not None
        await self._download_manager.cancel_app_downloads(self.app_service_id)
        self.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._task


class DashboardServer(Server):
    """Serves dashboards to the browsers that have the token."""

    def __init__(self, program: Program, listening: socket.socket, token: str) -> None:
        host, port = listening.getsockname()[:2]
        super().__init__("emp dashboard", host=f"[{host}]" if ":" in host else host, port=port)
        self._program = program
        self._listening = listening
        self._token = token
        self._cookie = f"emp-dashboard-{port}"  # a browser sends a cookie to every port of a machine
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def url(self) -> str:
        """What a person opens."""
        return f"{self.public_url}/?token={self._token}"

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """Serve meanwhile; at the end all sessions end."""
        runner = web.AppRunner(await self._make_app(), access_log=None, shutdown_timeout=2 * STOP_SECONDS)
        await runner.setup()
        try:
            await web.SockSite(runner, self._listening).start()
            yield
        finally:
            await runner.cleanup()

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing: the command does."""

    async def on_shutdown(self, app: web.Application) -> None:
        """End the sessions."""
        prepared = [each for each in self._sockets if each.prepared]
        await asyncio.gather(*(each.close(code=WSCloseCode.GOING_AWAY) for each in prepared))

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.router.add_get("/page.js", self._send_script)
        app.middlewares.append(self._guard)
        app.on_response_prepare.append(_harden)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse all that does not come from a page of ours in a browser that has the token."""
        if not OUR_HOST.fullmatch(request.host):
            raise web.HTTPForbidden(text="This dashboard answers to 127.0.0.1, [::1] and localhost only.\n")
        origin = request.headers.get("Origin")
        # A browser sends no Origin when a person opens a page, and always one when a page opens a socket.
        is_needed = request.match_info.route.name == "websocket"
        if origin != f"http://{request.host}" and (is_needed or origin is not None):
            raise web.HTTPForbidden(text="Only pages of this dashboard may use it.\n")
        if request.path == "/" and "token" in request.query:
            return self._exchange(request.query["token"])
        if not self._is_token(request.cookies.get(self._cookie, "")):
            raise web.HTTPForbidden(text=WRONG_TOKEN)
        return await handler(request)

    def _exchange(self, token: str) -> web.Response:
        """A cookie for the token, which leaves the address bar."""
        if not self._is_token(token):
            raise web.HTTPForbidden(text=WRONG_TOKEN)
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(self._cookie, token, httponly=True, samesite="Strict")
        return answer

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(errors="replace"), self._token.encode())

    async def handle_index(self, request: web.Request) -> web.Response:
        """The page with the terminal."""
        if self._is_full:
            return web.Response(status=503, text=FULL, headers={"Refresh": "3"})
        socket_url = f"ws://{request.host}{SOCKET}"
        page = Template(PAGE.read_text(encoding="utf-8")).substitute(socket_url=html.escape(socket_url))
        answer = web.Response(text=page, content_type="text/html")
        answer.headers["Content-Security-Policy"] = f"{PAGE_POLICY}; connect-src 'self' {socket_url}"
        return answer

    async def _send_script(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(SCRIPT)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One session, from the first byte to the end of its process."""
        if self._is_full:
            raise web.HTTPServiceUnavailable(text=FULL)
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, timeout=STOP_SECONDS)
        self._sockets.add(websocket)
        try:
            await websocket.prepare(request)
            session = Session(self._program, websocket, self.download_manager)
            await session.start(to_int(request.query.get("width", ""), 80), to_int(request.query.get("height", ""), 24))
            try:
                await self._process_messages(websocket, session)
            finally:
                await session.stop()
        finally:
            self._sockets.remove(websocket)
        return websocket

    @property
    def _is_full(self) -> bool:
        return len(self._sockets) >= MOST_SESSIONS


async def _harden(request: web.Request, answer: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
