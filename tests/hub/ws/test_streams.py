"""Server-sent events: what a socket tells, over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from daemons.hub.ws import streams
from emp_core.store import Store
from tests.hub.conftest import Serving
from tests.hub.ws.conftest import MODELS
from tests.support.builders import register, submit
from tests.support.waiting import wait_until


class Events:
    """A client that reads events."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def block(self) -> dict[str, str]:
        """The fields of the next event; a comment has an empty name."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            async for line in self._lines:
                if not line and fields:
                    return fields
                name, _, value = line.partition(": ")
                fields[name] = value
        raise EOFError

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The message of the next event, or of the next of these types."""
        while True:
            block = await self.block()
            message: dict[str, Any] = json.loads(block["data"])
            MODELS[message["type"]].validate_json(block["data"], strict=True)
            assert message["type"] == block["event"]
            if not kinds or message["type"] in kinds:
                return message


Read = Callable[..., AbstractAsyncContextManager[Events]]


@pytest.fixture
async def read(serving: Serving) -> AsyncIterator[Read]:
    async with httpx.AsyncClient(base_url=serving.url.replace("ws", "http", 1), timeout=20) as client:

        @asynccontextmanager
        async def open_stream(path: str, **headers: str) -> AsyncIterator[Events]:
            async with client.stream("GET", path, headers=headers) as response:
                yield Events(response)

        yield open_stream


async def test_a_job_is_told_to_its_end_which_ends_the_stream(read: Read, store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    async with read(f"/api/stream/jobs/{job}?log=true") as events:
        assert events.response.headers["content-type"] == "text/event-stream"
        assert (await events.next("snapshot"))["job"]["status"] == "pending"
        claim = await worker.take()
        await worker.report(claim, percent=10.0, lines=("one",))
        await worker.complete(claim, seed=7)
        assert (await events.next("log"))["lines"] == ["one"]
        while (told := await events.next("job"))["job"]["status"] != "completed":
            pass
        assert told["result"]["data"] == {"seed": 7}
        with pytest.raises(EOFError):
            await events.next()


async def test_of_a_job_that_has_ended_the_snapshot_is_all(read: Read, store: Store) -> None:
    job = await submit(store)
    await store.broker.cancel(job)
    async with read(f"/api/stream/jobs/{job}") as events:
        assert (await events.next("snapshot"))["job"]["status"] == "cancelled"
        with pytest.raises(EOFError):
            await events.next()


async def test_a_client_that_comes_back_gets_what_it_missed(read: Read, store: Store) -> None:
    async with read("/api/stream/events") as events:
        assert (await events.next())["type"] == "subscribed"
        await submit(store)
        block = await events.block()
        assert json.loads(block["data"])["name"] == "submitted"
    later = await submit(store)
    async with read("/api/stream/events", **{"Last-Event-ID": block["id"]}) as events:
        assert (await events.next("event"))["job"] == later


async def test_the_other_topics_begin_with_a_snapshot(read: Read, store: Store) -> None:
    await submit(store, customer_id="acme")
    async with read("/api/stream/jobs?where=customer:acme&limit=5") as events:
        assert len((await events.next("snapshot"))["jobs"]) == 1
    for topic in ("stats", "workers"):
        async with read(f"/api/stream/{topic}") as events:
            assert topic in await events.next("snapshot")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/stream/jobs/nobody", 404, "not_found"),
        ("/api/stream/jobs?where=statuss:x", 422, "invalid"),
        ("/api/stream/jobs?limit=501", 422, "invalid"),
    ],
)
async def test_what_cannot_be_followed_is_a_problem(read: Read, path: str, status: int, code: str) -> None:
    async with read(path) as events:
        await events.response.aread()
        assert (events.response.status_code, events.response.json()["code"]) == (status, code)


async def test_a_silent_stream_is_kept_alive(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 0.05)
    async with read("/api/stream/events") as events:
        await events.next("subscribed")
        assert await events.block() == {"": "ping"}


async def test_a_client_that_leaves_is_forgotten(read: Read, serving: Serving) -> None:
    live = serving.server.config.app.state.hub.live  # type: ignore[union-attr]
    async with read("/api/stream/events") as events:
        await events.next("subscribed")
        assert len(live.feed._followers) == 2
    await wait_until(lambda: len(live.feed._followers) == 1 and not live.feed._all, "it is forgotten")


async def test_a_hub_that_stops_ends_its_streams_at_once(read: Read, serving: Serving) -> None:
    async with read("/api/stream/events") as events:
        await events.next("subscribed")
        serving.server.stop(1)
        with pytest.raises(EOFError):
            await events.next()
