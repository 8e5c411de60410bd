"""The log of a detached process: kept small by the process itself, and read by `logs`."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

MAX_BYTES = 10_000_000
"""Above this the log begins again. One earlier part is kept beside it."""

POLL_SECONDS = 0.2


class LogFile:
    """The file that the standard output and error of this process go to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def move(self, path: Path) -> None:
        """Take another name. What had it is kept as the earlier part."""
        if path.exists():
            path.replace(earlier(path))
        self.path.replace(path)
        self.path = path

    def keep_small(self) -> None:
        """Begin again if the file is long.

        It is copied and emptied, not renamed: the processes that this one started go on writing to it.
        """
        if self.path.stat().st_size > MAX_BYTES:
            shutil.copyfile(self.path, earlier(self.path))
            os.truncate(self.path, 0)


def earlier(path: Path) -> Path:
    """Where the part of a log before this one is."""
    return path.with_name(f"{path.name}.1")


def last_lines(path: Path, count: int | None) -> tuple[list[str], int]:
    """The last whole lines, or all of them, and where the rest begins."""
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    lines = content[:end].decode("utf-8", "replace").splitlines()
    return lines if count is None else lines[max(0, len(lines) - count) :], end


def new_lines(path: Path, position: int, goes_on: Callable[[], bool]) -> Iterator[str]:
    """The lines that are written from a position on, until `goes_on` says no and all are read."""
    with path.open("rb") as stream:
        stream.seek(position)
        while True:
            last = not goes_on()
            if os.fstat(stream.fileno()).st_size < stream.tell():
                stream.seek(0)
            while (line := stream.readline()).endswith(b"\n"):
                yield line.decode("utf-8", "replace").rstrip("\n")
            # What is half written is read again.
            stream.seek(-len(line), os.SEEK_CUR)
            if last:
                return
            time.sleep(POLL_SECONDS)
