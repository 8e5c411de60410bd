"""Artifacts on a disk: the object stores' layout, and what only a disk needs."""

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import LocalStore

from emp_core.artifacts.contract import MAX_ARTIFACT_BYTES
from emp_core.artifacts.objects import OURS, ObjectArtifacts, Stored, first_line
from emp_core.errors import Conflict, Misconfigured

UNFINISHED = re.compile(r"#[0-9]+$")
"""What obstore appends to a file's name while it is written. It hides such files, and a killed process leaves them."""


class LocalArtifacts(ObjectArtifacts):
    """Files in a directory, readable by this user only. Symbolic links in it are not followed."""

    def __init__(
        self, directory: Path, *, max_bytes: int = MAX_ARTIFACT_BYTES, older: ObjectArtifacts | None = None
    ) -> None:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._directory = directory.resolve()
            store = LocalStore(self._directory)
        except OSError as error:
            raise Misconfigured(f"cannot store files in {directory}: {error.strerror}") from error
        except BaseError as error:  # another program has removed it since
            raise Misconfigured(f"cannot store files in {directory}: {first_line(error)}") from error
        super().__init__(store, max_bytes=max_bytes, older=older)

    def _key(self, path: str) -> str:
        place = self._directory / path
        if place.resolve() != place:
            raise Conflict(f"{path} leads outside of its directory")
        return path

    async def _contents(self, job_id: str) -> Sequence[Stored]:
        return await asyncio.to_thread(lambda: list(self._walk(self._key(job_id))))

    def _walk(self, job_id: str) -> Iterator[Stored]:
        for folder, _, names in os.walk(self._directory / job_id):
            for name in names:
                file = Path(folder, name)
                path = str(file.relative_to(self._directory))
                if OURS.fullmatch(UNFINISHED.sub("", path)):
                    # Another call may have deleted it since.
                    with suppress(FileNotFoundError):
                        status = file.lstat()
                        yield Stored(path, status.st_size, status.st_mtime_ns // 1_000_000)

    async def _delete(self, job_id: str, contents: Sequence[Stored]) -> None:
        await asyncio.to_thread(self._remove, job_id, contents)

    def _remove(self, job_id: str, contents: Sequence[Stored]) -> None:
        for stored in contents:
            (self._directory / stored.path).unlink(missing_ok=True)
        for folder, _, _ in os.walk(self._directory / job_id, topdown=False):
            # It stays where a stranger keeps a file in it.
            with suppress(OSError):
                os.rmdir(folder)
