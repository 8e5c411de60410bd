"""One socket: it hears, it speaks, and it is closed with a code that says why."""

import asyncio
from contextlib import suppress

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from daemons.hub.api.dependencies import Hub
from daemons.hub.ws.messages import PROTOCOL
from daemons.hub.ws.outbox import Outbox
from daemons.hub.ws.session import Session
from daemons.hub.ws.texts import Texts
from emp_core.clock import SystemClock
from emp_core.domain.caller import Caller

log = structlog.get_logger()

SLOW = 4408
"""The client reads too slowly: it connects again, and goes on behind the last message that it has."""

INTERNAL = 1011


async def serve(websocket: WebSocket, hub: Hub, caller: Caller, texts: Texts, name: str) -> None:
    """Speak `emp.v1` until the other side leaves."""
    await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in websocket.scope["subprotocols"] else None)
    outbox = Outbox()
    session = Session(hub, caller, outbox, texts, SystemClock())
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
    except Exception:  # the boundary: a bug must not end other sockets, and this one is told
        log.exception("ws.failed")
        code = INTERNAL
        await _close(websocket, code, "an internal error of the hub; see its log")
    finally:
        session.end()
        log.info("ws.closed", name=name, code=code, request=caller.request_id)


async def _talk(websocket: WebSocket, session: Session, outbox: Outbox) -> int:
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


async def _hear(websocket: WebSocket, session: Session) -> int:
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
