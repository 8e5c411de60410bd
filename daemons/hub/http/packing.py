"""Long answers are packed with gzip for callers that take it; files and streamed results never are."""

import asyncio
import gzip
import re

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

PACKED_FROM = 1024
"""Bytes; a shorter answer fits into one packet as it is."""

PACKED_BESIDE = 128 * 1024
"""Bytes from which a thread packs, so that the loop goes on serving others: a millisecond of work."""

LEVEL = 5


async def packed(request: Request, answer: Response) -> Response:
    """The answer, packed if it is long and its caller takes that."""
    if isinstance(answer, StreamingResponse) or len(answer.body) < PACKED_FROM:
        return answer
    answer.headers.append("Vary", "Accept-Encoding")
    if not takes_gzip(request.headers.getlist("accept-encoding")):
        return answer
    plain = bytes(answer.body)
    if len(plain) < PACKED_BESIDE:
        answer.body = gzip.compress(plain, LEVEL, mtime=0)
    else:
        answer.body = await asyncio.to_thread(gzip.compress, plain, LEVEL, mtime=0)
    answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer


def takes_gzip(lines: list[str]) -> bool:
    """Whether `Accept-Encoding` names gzip, or everything, with another weight than 0."""
    weights: dict[str, bool] = {}
    for each in ",".join(lines).lower().replace(" ", "").split(","):
        name, _, weight = each.partition(";")
        weights[name] = re.fullmatch(r"q=0(\.0{0,3})?", weight) is None
    return weights.get("gzip", weights.get("*", False))
