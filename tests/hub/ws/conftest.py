"""Clients of a hub's sockets; each message that they get is held against its document."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Self, get_args

import pytest
from pydantic import TypeAdapter
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from daemons.hub.ws.messages import PROTOCOL, TOLD
from tests.hub.conftest import Serving

MODELS: dict[str, TypeAdapter[Any]] = {
    get_args(model.model_fields["type"].annotation)[0]: TypeAdapter(model) for model in TOLD
}

Message = dict[str, Any]


class Socket:
    """A client of a socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.welcome: Message = {}

    async def greeted(self) -> Self:
        """Itself, once the hub has welcomed it."""
        self.welcome = await self.next("welcome")
        return self

    async def send(self, kind: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def next(self, *kinds: str) -> Message:
        """The next message, or the next of these types; those before it are dropped."""
        async with asyncio.timeout(20):
            while True:
                text = await self.connection.recv()
                message = json.loads(text)
                MODELS[message["type"]].validate_json(text, strict=True)
                if not kinds or message["type"] in kinds:
                    assert isinstance(message, dict)
                    return message

    async def ask(self, kind: str, **fields: Any) -> Message:
        """Send a message, and the answer to it."""
        await self.send(kind, ref="asked", **fields)
        while True:
            message = await self.next()
            if message.get("ref") == "asked":
                return message

    async def follow(self, topic: str, **fields: Any) -> Message:
        """Subscribe. The snapshot, or, if there is none, the answer."""
        answer = await self.ask("subscribe", topic=topic, **fields)
        assert answer["type"] == "subscribed", answer
        return await self.next("snapshot") if topic != "events" and not answer["resumed"] else answer


Open = Callable[..., Awaitable[Socket]]


@pytest.fixture
async def opened(serving: Serving) -> AsyncIterator[Open]:
    """Opens sockets."""
    async with AsyncExitStack() as closing:

        async def open_socket(path: str = "/ws", **options: Any) -> Socket:
            connecting = connect(serving.url + path, subprotocols=[Subprotocol(PROTOCOL)], proxy=None, **options)
            return await Socket(await closing.enter_async_context(connecting)).greeted()

        yield open_socket
