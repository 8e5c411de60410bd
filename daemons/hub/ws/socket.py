"""One socket: it hears, it speaks, and it is closed with a code that says why."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn, Protocol

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from daemons.hub.api.dependencies import Hub
from daemons.hub.live.feed import Follower
from daemons.hub.ws.messages import PROTOCOL
from daemons.hub.ws.outbox import Outbox
from emp_core.domain.caller import Caller
from emp_core.errors import EmpError

log = structlog.get_logger()

SLOW = 4408
"""The client reads too slowly: it connects again, and goes on behind the last message that it has."""

REFUSED = 1008
INTERNAL = 1011


class Speaker(Follower, Protocol):
    """What a socket says and hears, in whatever words."""

    def welcome(self) -> None:
        """Say the first message. Raises `Forbidden`."""
        ...

    async def hear(self, text: str | bytes) -> None:
        """Carry out a message and answer it, whatever it is."""
        ...

    async def read_again(self) -> NoReturn:
        """After each gap, tell how all that is followed is now; until cancelled."""
        ...

    def end(self) -> None:
        """Follow nothing more."""
        ...


class Connected:
    """Who has a socket at this hub."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {"clients": [], "monitors": []}

    @contextmanager
    def adding(self, kind: str, name: str) -> Iterator[None]:
        """One more, as long as it has it."""
        self._names[kind].append(name)
        try:
            yield
        finally:
            self._names[kind].remove(name)

    def names(self) -> dict[str, list[str]]:
        """`clients` and `monitors`."""
        return {kind: sorted(names) for kind, names in self._names.items()}


async def serve(websocket: WebSocket, session: Speaker, outbox: Outbox, name: str) -> None:
    """Speak and hear until the other side leaves."""
    hub: Hub = websocket.app.state.hub
    caller: Caller = websocket.state.caller
    await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in websocket.scope["subprotocols"] else None)
    log.info("ws.opened", path=websocket.url.path, name=name, request=caller.request_id)
    code = 1000
    try:
        with hub.live.feed.followed_by(session):
            session.welcome()
            code = await _talk(websocket, session, outbox)
            if code == SLOW:
                await _close(
                    websocket, code, "this client reads too slowly; connect again and go on from the last cursor"
                )
    except EmpError as error:
        code = REFUSED
        await _close(websocket, code, error.message)
    except Exception:  # the boundary: a bug must not end other sockets, and this one is told
        log.exception("ws.failed")
        code = INTERNAL
        await _close(websocket, code, "an internal error of the hub; see its log")
    finally:
        session.end()
        log.info("ws.closed", name=name, code=code, request=caller.request_id)


async def refuse(websocket: WebSocket, why: str) -> None:
    """Open the socket only to say why it is closed."""
    await websocket.accept()
    await _close(websocket, REFUSED, why)


async def _talk(websocket: WebSocket, session: Speaker, outbox: Outbox) -> int:
    """Hear and speak until one of both ends. The code with which the socket is closed, or was."""

    async def overflow() -> int:
        await outbox.overflow.wait()
        return SLOW

    talks = (_hear(websocket, session), _speak(websocket, outbox), session.read_again(), overflow())
    tasks = [asyncio.create_task(talk) for talk in talks]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return await next(iter(done))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _hear(websocket: WebSocket, session: Speaker) -> int:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return int(message.get("code") or 1000)
        await session.hear(message.get("text") or message.get("bytes") or b"")


async def _speak(websocket: WebSocket, outbox: Outbox) -> int:
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.send_text(await outbox.take())
    return 1006


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # it is closed already
        await websocket.close(code, reason)
