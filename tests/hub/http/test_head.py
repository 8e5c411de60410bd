"""HEAD tells what GET would, without its body, and reads no file for it."""

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from daemons.hub.http.head import Head
from tests.hub.operations import DOCUMENT

READS = [path for path, methods in DOCUMENT["paths"].items() if "get" in methods]


@pytest.mark.parametrize("path", [*READS, "/api/nothing"])
async def test_head_has_the_status_and_the_headers_of_get(hub: httpx.AsyncClient, path: str) -> None:
    for way in (path, path.removeprefix("/api")):
        asked, told = await hub.get(way), await hub.head(way)
        assert (told.status_code, told.content) == (asked.status_code, b"")
        assert told.headers["content-type"] == asked.headers["content-type"]


async def test_head_of_a_file_is_that_of_all_of_it(hub: httpx.AsyncClient) -> None:
    kept = await hub.put("/api/jobs/abcd/attempts/1/artifacts?name=a&kind=input", content=b"z" * 100_000)
    path = f"/api/artifacts/{kept.json()['id']}"
    asked, told = await hub.get(path), await hub.head(path, headers={"Range": "bytes=0-9"})
    assert (told.status_code, told.headers, told.content) == (200, asked.headers, b"")
    assert told.headers["content-length"] == "100000"


async def test_head_of_what_takes_no_get_is_405(hub: httpx.AsyncClient) -> None:
    answer = await hub.head("/api/jobs/abcd/cancel")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_the_rest_of_a_large_answer_is_not_made() -> None:
    sent: list[Message] = []
    made = 0

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal made
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            made += 1
            await send({"type": "http.response.body", "body": b"z", "more_body": True})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nobody reads it")

    await Head(large)({"type": "http", "method": "HEAD", "headers": []}, receive, send)
    assert made == 1
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert not sent[1]["body"]
