"""Where sockets connect: those that ask for the subprotocol `emp.v1` get it, others the words of older programs."""

from fastapi import APIRouter
from starlette.websockets import WebSocket

from daemons.hub.api.dependencies import Hub
from daemons.hub.dialects.client import ClientSession
from daemons.hub.dialects.monitor import MonitorSession
from daemons.hub.ws.messages import PROTOCOL
from daemons.hub.ws.outbox import Outbox
from daemons.hub.ws.session import Session
from daemons.hub.ws.socket import Connected, Speaker, refuse, serve
from daemons.hub.ws.texts import TEXTS
from emp_core.clock import SystemClock
from emp_core.domain.caller import Caller
from emp_core.ids import is_id, new_job_id

router = APIRouter()


@router.websocket("/ws")
@router.websocket("/ws/client/{name}")
async def connect_client(websocket: WebSocket, name: str = "") -> None:
    """A client, by whatever name."""
    await _connect(websocket, "clients", name)


@router.websocket("/ws/monitor/{name}")
async def connect_monitor(websocket: WebSocket, name: str) -> None:
    """A monitor, by whatever name."""
    await _connect(websocket, "monitors", name)


async def _connect(websocket: WebSocket, kind: str, name: str) -> None:
    if name and not is_id(name):
        await refuse(websocket, "the id in the path must be 1 to 128 of A-Z a-z 0-9 . _ : -")
        return
    connected: Connected = websocket.app.state.connected
    outbox = Outbox()
    speaker = _speaker(websocket, kind, name or new_job_id(), outbox)
    with connected.adding(kind, name):
        await serve(websocket, speaker, outbox, name)


def _speaker(websocket: WebSocket, kind: str, name: str, outbox: Outbox) -> Speaker:
    hub: Hub = websocket.app.state.hub
    caller: Caller = websocket.state.caller
    clock = SystemClock()
    if PROTOCOL in websocket.scope["subprotocols"]:
        return Session(hub, caller, outbox, TEXTS, clock)
    if kind == "monitors":
        monitor = MonitorSession(hub, caller, outbox, clock, name)
        monitor.connected = websocket.app.state.connected
        return monitor
    return ClientSession(hub, caller, outbox, clock, name)
