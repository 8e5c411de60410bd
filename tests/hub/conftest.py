"""A hub over a real queue, called without sockets, its answers held against the API's document; or one that listens."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from obstore.store import MemoryStore
from pydantic import TypeAdapter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemons.hub.api.schemas import ANSWERS
from daemons.hub.api.schemas.base import Problem
from daemons.hub.app import create_app
from daemons.hub.http.listening import listening, url_of
from daemons.hub.server import HubServer
from daemons.hub.settings import HubSettings
from daemons.outage import Outage
from emp_core.artifacts.objects import ObjectArtifacts
from emp_core.store import Store

Call = Callable[..., httpx.AsyncClient]


class Documented:
    """An app whose JSON answers must be what its document says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head: Message = {}
        body = b""

        async def watched(message: Message) -> None:
            nonlocal head, body
            if message["type"] == "http.response.start":
                head = message
            body += message.get("body", b"")
            await send(message)

        await self._app(scope, receive, watched)
        headers = dict(head["headers"])
        if headers.get(b"content-encoding") == b"gzip" and body:
            body = gzip.decompress(body)
        self._check(scope, headers.get(b"content-type", b""), head["status"], body)

    def _check(self, scope: Scope, kind: bytes, status: int, body: bytes) -> None:
        if scope["method"] == "HEAD":
            assert not body
        elif kind == b"application/problem+json":
            problem = Problem.model_validate_json(body)
            assert problem.status == status
            assert problem.detail == problem.error
            assert not problem.success
        elif status < 300 and kind == b"application/json" and scope["path"] != "/openapi.json":
            TypeAdapter(ANSWERS[scope["route"].name]).validate_json(body, strict=True)


@pytest.fixture
def settings() -> HubSettings:
    return HubSettings()


@pytest.fixture
def files() -> MemoryStore:
    """Where the hub's files lie."""
    return MemoryStore()


@pytest.fixture
def artifacts(files: MemoryStore) -> ObjectArtifacts:
    return ObjectArtifacts(files)


@pytest.fixture
async def calling(store: Store, artifacts: ObjectArtifacts) -> AsyncIterator[Call]:
    """Makes clients of hubs with other settings."""
    opened: list[httpx.AsyncClient] = []

    def client_of(settings: HubSettings, **options: Any) -> httpx.AsyncClient:
        app = Documented(create_app(store, artifacts, settings))
        transport = httpx.ASGITransport(app, raise_app_exceptions=options.pop("raising", True))
        client = httpx.AsyncClient(transport=transport, **{"base_url": "http://localhost", **options})
        opened.append(client)
        return client

    yield client_of
    for client in opened:
        await client.aclose()


@pytest.fixture
def hub(calling: Call, settings: HubSettings) -> httpx.AsyncClient:
    """A client of a hub that knows no token: the operator."""
    return calling(settings)


class Serving:
    """A hub that listens."""

    def __init__(self, server: HubServer, url: str) -> None:
        self.server = server
        self.url = url


@pytest.fixture
async def serving(store: Store, artifacts: ObjectArtifacts, settings: HubSettings) -> AsyncIterator[Serving]:
    app = create_app(store, artifacts, settings)
    server = HubServer(app)
    with listening(HubSettings(hub_port=0)) as sockets:
        live = asyncio.create_task(app.state.hub.live.run(Outage()))
        serves = asyncio.create_task(server.serve(sockets))
        await app.state.hub.live.feed.ready.wait()
        yield Serving(server, url_of(sockets[0]).replace("http", "ws"))
        server.stop(1)
        await serves
        live.cancel()
        await asyncio.gather(live, return_exceptions=True)


def body_of(response: httpx.Response) -> dict[str, Any]:
    """An answer's JSON object."""
    content = json.loads(response.content)
    assert isinstance(content, dict)
    return content
