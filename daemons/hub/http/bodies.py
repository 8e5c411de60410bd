"""Reading what callers send: within a size, within a time, and as JSON that means one thing only."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import Request

from daemons.hub.http.problems import RequestTimeout, UnsupportedMediaType
from emp_core.domain.json_text import parse_json
from emp_core.domain.values import cut, read_mapping, read_text, refuse_unknown
from emp_core.errors import LimitExceeded

STALL_SECONDS = 30.0
"""How long a caller may send nothing in the middle of a body."""

MAX_ORDER_BYTES = 64 * 1024
"""The body of a call that only says what to do."""

LARGE_BYTES = 256 * 1024
"""Some milliseconds of parsing."""

JSON = "application/json"
JSON_LINES = ("application/x-ndjson", "application/jsonl")

T = TypeVar("T")

_READER = ThreadPoolExecutor(1, "large-bodies")


async def chunks_of(request: Request, limit: str, max_bytes: int) -> AsyncIterator[bytes]:
    """A body as it arrives. Raises `LimitExceeded` by what it says of itself, or else when it is over."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise LimitExceeded("body", limit, int(announced), max_bytes)
    size = 0
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(STALL_SECONDS):
                chunk = await anext(stream, None)
        except TimeoutError:
            raise RequestTimeout(f"no data arrived for {STALL_SECONDS:g} s") from None
        if chunk is None:
            return
        size += len(chunk)
        if size > max_bytes:
            raise LimitExceeded("body", limit, size, max_bytes)
        if chunk:
            yield chunk


async def read_body(request: Request, limit: str, max_bytes: int) -> bytes:
    """A whole body."""
    return b"".join([chunk async for chunk in chunks_of(request, limit, max_bytes)])


async def understand(text: bytes, read: Callable[[bytes], T]) -> T:
    """What a pure function makes of a body; of a large one on a thread, so that the loop goes on serving others.

    Large ones wait for each other: what is read takes several times the memory of its text.
    """
    if len(text) < LARGE_BYTES:
        return read(text)
    return await asyncio.get_running_loop().run_in_executor(_READER, read, text)


def media_type_of(request: Request, *known: str) -> str:
    """The media type of a body, one of `known`; JSON if the caller names none. Raises `UnsupportedMediaType`."""
    named = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if named not in known:
        raise UnsupportedMediaType(
            f"the body is {cut(named) or 'of no type'}, not {' or '.join(known)}",
            hint=f"send the header Content-Type: {known[0]}",
        )
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedMediaType(f"the body is encoded as {cut(encoding)}", hint="send it without Content-Encoding")
    return named


async def read_order(request: Request, *known: str) -> dict[str, Any]:
    """A small JSON object with these fields, or nothing at all."""
    text = await read_body(request, "max_body_bytes", MAX_ORDER_BYTES)
    if not text:
        return {}
    media_type_of(request, JSON)
    order = dict(read_mapping("body", parse_json("body", text)))
    refuse_unknown("", order, known)
    return order


def read_reason(order: Mapping[str, Any], otherwise: str = "") -> str:
    """Why somebody gives an order, as the audit keeps it."""
    reason = order.get("reason")
    return otherwise if reason is None or reason == "" else read_text("reason", reason)
