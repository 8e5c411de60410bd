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
    except Exception:  # the boundary: a bug must not end other sockets, and this one is told
        log.exception("ws.failed")
        code = INTERNAL
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.close(code, "an internal error of the hub; see its log")
    finally:
        session.end()
        log.info("ws.closed", name=name, code=code, request=caller.request_id)


async def _talk(websocket: WebSocket, session: Session, outbox: Outbox) -> int:
    """Hear and speak until one of both ends. The code with which the socket was closed."""
    hears = asyncio.create_task(_hear(websocket, session))
    speaks = asyncio.create_task(_speak(websocket, outbox))
    reads = asyncio.create_task(session.read_again())
    tasks = (hears, speaks, reads)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                return await task or 1000
        raise AssertionError("a wait ends if one of its tasks does")
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
    while (text := await outbox.take()) is not None:
        try:
            await websocket.send_text(text)
        except WebSocketDisconnect:
            return 1006
    with suppress(WebSocketDisconnect, RuntimeError):
        await websocket.close(SLOW, "this client reads too slowly; connect again and go on from the last cursor")
    return SLOW
