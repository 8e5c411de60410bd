"""A request that is cancelled: with the hub it is answered, or cut off where its answer had begun."""

import asyncio
from types import SimpleNamespace

import pytest
from starlette.types import Message, Receive, Scope, Send

from daemons.hub.http.problems import LastWord

START: Message = {"type": "http.response.start", "status": 200, "headers": []}


async def cancelled(*, stopping: bool, begun: bool, kind: str = "http") -> list[Message]:
    """What is sent of a request that is cancelled; raises as it does."""
    sent: list[Message] = []
    waits = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send(START)
        waits.set()
        await asyncio.Event().wait()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nobody reads it")

    stops = asyncio.Event()
    if stopping:
        stops.set()
    scope = {"type": kind, "app": SimpleNamespace(state=SimpleNamespace(stopping=stops))}
    call = asyncio.ensure_future(LastWord(slow)(scope, receive, send))
    await waits.wait()
    call.cancel()
    await call
    return sent


async def test_who_waits_for_an_answer_gets_one() -> None:
    start, body = await cancelled(stopping=True, begun=False)
    assert (start["status"], body["type"]) == (503, "http.response.body")
    assert b"urn:emp:problem:stopping" in body["body"]


async def test_an_answer_that_has_begun_is_cut_off_without_a_traceback() -> None:
    assert await cancelled(stopping=True, begun=True) == [START]


@pytest.mark.parametrize(("stopping", "kind"), [(False, "http"), (True, "websocket")])
async def test_any_other_end_is_none_of_its_business(stopping: bool, kind: str) -> None:
    with pytest.raises(asyncio.CancelledError):
        await cancelled(stopping=stopping, begun=False, kind=kind)
