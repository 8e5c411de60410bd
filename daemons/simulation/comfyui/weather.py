"""What happens to requests before and after the endpoints: faults, a frozen process, foreign origins."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemons.simulation.comfyui.faults import Answer
from daemons.simulation.comfyui.machine import Machine
from daemons.simulation.comfyui.replies import empty, trouble

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def foreign(headers: Headers) -> bool:
    """Whether a page of another site sends this to a server on the loopback address."""
    host, origin = urlsplit(f"//{headers.get('host', '')}"), urlsplit(headers.get("origin", ""))
    return host.hostname in LOOPBACK and bool(origin.netloc) and origin.netloc != host.netloc


class Weather:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, machine: Machine) -> None:
        self._app = app
        self._machine = machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._machine.awake.wait()
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if foreign(Headers(scope=scope)):
            await empty(403)(scope, receive, send)
            return
        match self._machine.faults.answer(scope["path"], self._machine.chance):
            case None:
                await self._app(scope, receive, send)
            case Answer.ERROR:
                await trouble()(scope, receive, send)
            case Answer.MISSING:
                await empty(404)(scope, receive, send)
            case Answer.REFUSED_GATEWAY:
                await empty(502)(scope, receive, send)
            case answer:
                await self._spoil(answer, scope, receive, send)

    async def _spoil(self, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        """Do what was asked, and lose the answer."""

        async def swallow(message: Message) -> None:
            pass

        async def cut(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [pair for pair in message["headers"] if pair[0] != b"content-length"]
            else:
                message["body"] = message["body"][: len(message["body"]) // 2]
            await send(message)

        await self._app(scope, receive, cut if answer is Answer.BAD_JSON else swallow)
        if answer is Answer.SILENT:
            await self._machine.held()
        if answer is not Answer.BAD_JSON:
            await empty(502)(scope, receive, send)
