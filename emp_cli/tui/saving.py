"""Saves files of jobs on this machine's disk, and tells how far it is."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from emp_core.client.files import download
from emp_core.domain.outcome import Artifact
from emp_core.domain.sizes import size
from emp_core.errors import InvalidInput

if TYPE_CHECKING:
    from emp_core.client.queue import Queue

TELL_GAP = 0.25
"""Seconds between two words about the progress."""


class SaveFiles(Message):
    """The person wants to have these files; `tell` is given how far it is, and an empty text at the end."""

    def __init__(self, files: Sequence[Artifact], tell: Callable[[str], object]) -> None:
        super().__init__()
        self.files = files
        self.tell = tell


class Saving:
    """Saves some files."""

    def __init__(self, queue: "Queue", wanted: SaveFiles) -> None:
        self._queue = queue
        self._files = wanted.files
        self._tell = wanted.tell
        self._begun = 0
        self._bytes = 0
        self._told_at = float("-inf")

    @property
    def question(self) -> str:
        """What the person is asked before."""
        return f"save {_files(len(self._files))} ({self._total}) into which directory?"

    @property
    def _total(self) -> str:
        return size(sum(each.size for each in self._files))

    async def save(self, directory: str) -> str:
        """Save them in a directory; what is said of it. Raises `EmpError`."""
        place = _place(directory)
        try:
            saved = await download(self._open, self._files, place)
        finally:
            self._tell("")
        return f"saved {_files(len(saved))} in {place}"

    async def _open(self, file_id: str) -> AsyncIterator[bytes]:
        self._begun += 1
        return self._counted(await self._queue.open_file(file_id))

    async def _counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self._bytes += len(chunk)
            self._say()
            yield chunk

    def _say(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told_at >= TELL_GAP:
            self._told_at = now
            self._tell(f"saving file {self._begun} of {len(self._files)}: {size(self._bytes)} of {self._total}")


def _place(directory: str) -> Path:
    try:
        return Path(directory).expanduser().absolute()
    except RuntimeError as error:
        raise InvalidInput("directory", f"{directory!r} begins with no person's home: {error}") from error


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
