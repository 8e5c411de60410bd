"""Where an output waits on this disk until the file store has it."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import IO

from emp_core.artifacts.contract import CHUNK_BYTES, MAX_ARTIFACT_BYTES, Meter
from emp_core.errors import ArtifactsUnavailable


class Spooled:
    """Bytes that can be read again and again."""

    def __init__(self, file: IO[bytes], size: int, sha256: str) -> None:
        self._file = file
        self.size = size
        self.sha256 = sha256

    async def chunks(self) -> AsyncIterator[bytes]:
        """All of them, from the first."""
        self._file.seek(0)
        while chunk := await asyncio.to_thread(self._file.read, CHUNK_BYTES):
            yield chunk


@contextlib.asynccontextmanager
async def spooled(chunks: AsyncIterable[bytes], directory: Path | None) -> AsyncIterator[Spooled]:
    """Keep a file until the end of the body: a small one in memory, a larger one on disk, without a name.

    A file without a name is gone with its process, so no start has to clean up. Its size is limited, and each attempt
    has one at a time (`AttemptContext.upload`), so the spool is limited too. Raises `ArtifactsUnavailable` if the disk
    does not take it.
    """
    with tempfile.SpooledTemporaryFile(CHUNK_BYTES, dir=str(directory) if directory else None) as file:
        meter = Meter(MAX_ARTIFACT_BYTES)
        async for chunk in meter.measured(chunks):
            try:
                await asyncio.to_thread(file.write, chunk)
            except OSError as error:
                raise ArtifactsUnavailable(f"cannot keep an output on this disk: {error.strerror}") from error
        yield Spooled(file, meter.size, meter.sha256)
