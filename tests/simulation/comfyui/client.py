"""A plain client, as bare as the one that the samples were recorded with."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from daemons.simulation.comfyui import Faults, Options, SimulatedComfyUI

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
Frame = dict[str, Any] | bytes


def socket_url(server: SimulatedComfyUI, client_id: str = "me") -> str:
    return f"{server.url.replace('http', 'ws')}/ws?clientId={client_id}"


class Client:
    """HTTP calls and one socket."""

    def __init__(self, server: SimulatedComfyUI, http: httpx.AsyncClient, socket: ClientConnection) -> None:
        self.server = server
        self.http = http
        self.socket = socket

    async def post(self, graph: Any, **more: Any) -> httpx.Response:
        return await self.http.post("/prompt", json={"prompt": graph, "client_id": "me", **more})

    async def next(self) -> Frame:
        frame = await self.socket.recv()
        return frame if isinstance(frame, bytes) else dict(json.loads(frame))

    async def until(self, last: Callable[[dict[str, Any]], bool]) -> list[Frame]:
        """All frames up to and with the one that `last` is true of."""
        frames: list[Frame] = []
        while True:
            frames.append(await self.next())
            if isinstance(frames[-1], dict) and last(frames[-1]):
                return frames

    async def run(self, graph: Any, **more: Any) -> tuple[str, list[Frame]]:
        """Run a prompt to its end: its id, and all frames up to `executing` without a node."""
        answer = await self.post(graph, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()["prompt_id"], await self.until(is_end)

    async def history(self, prompt_id: str) -> dict[str, Any]:
        return dict((await self.http.get(f"/history/{prompt_id}")).json())


def is_end(frame: dict[str, Any]) -> bool:
    return frame["type"] == "executing" and frame["data"]["node"] is None


@asynccontextmanager
async def talking(
    options: Options | None = None,
    faults: Faults | None = None,
    *,
    flags: bool = False,
    client_id: str = "me",
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[Client]:
    """A server, and a client whose socket has been greeted."""
    async with (
        SimulatedComfyUI(options, faults, sleep=sleep) as server,
        httpx.AsyncClient(base_url=server.url, timeout=30, verify=False) as http,
        connect(socket_url(server, client_id), max_size=None, close_timeout=0.1) as socket,
    ):
        client = Client(server, http, socket)
        await client.next()
        if flags:
            await socket.send(FLAGS)
            await client.next()
        yield client
