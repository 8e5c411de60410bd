"""Files, payloads and results on their way to a caller: few at a time, in small pieces."""

from collections.abc import AsyncIterator

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from daemons.hub.api.dependencies import Hub

PIECE_BYTES = 64 * 1024
"""A reader must take each in `READ_SECONDS` (see `protocol`), so 2 KB a second is the slowest that goes on."""


class Download(StreamingResponse):
    """A file's bytes, among a bounded number of downloads, in pieces that a slow reader takes one by one."""

    def __init__(self, hub: Hub, chunks: AsyncIterator[bytes], status: int, headers: dict[str, str], kind: str) -> None:
        super().__init__(_in_pieces(chunks), status, headers, media_type=kind)
        self._downloads = hub.downloads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._downloads.turn():
            await super().__call__(scope, receive, send)


async def _in_pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        for start in range(0, len(chunk), PIECE_BYTES):
            yield chunk[start : start + PIECE_BYTES]
