"""Where sockets connect."""

from fastapi import APIRouter
from starlette.websockets import WebSocket

from daemons.hub.ws.socket import serve
from daemons.hub.ws.texts import TEXTS
from emp_core.ids import is_id

router = APIRouter()


@router.websocket("/ws")
@router.websocket("/ws/client/{name}")
@router.websocket("/ws/monitor/{name}")
async def connect(websocket: WebSocket, name: str = "") -> None:
    """A client or a monitor, by whatever name."""
    if name and not is_id(name):
        await websocket.close(1008, "the id in the path must be 1 to 128 of A-Z a-z 0-9 . _ : -")
        return
    await serve(websocket, websocket.app.state.hub, websocket.state.caller, TEXTS, name)
