"""What workers did, in their own words: a line for each start and each effect, in a file that is only appended to.

The times are of the machine's monotonic clock, which all of its processes share.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line."""

    what: str
    """`start`, `effect` (the work is done, and cannot be undone), or `stopped` (it ended without an effect)."""

    job: str
    attempt: int
    worker: str
    at: float
    payload: Any = None


class Journal:
    """One file for a whole fleet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def note(self, what: str, job: str, attempt: int, worker: str, payload: Any = None) -> None:
        """Write one line, in one piece."""
        fields = {"what": what, "job": job, "attempt": attempt, "worker": worker, "payload": payload}
        os.write(self._file, json.dumps({**fields, "at": time.monotonic()}).encode() + b"\n")

    def entries(self, what: str | None = None, job: str | None = None) -> list[Entry]:
        """The whole lines so far, oldest first; a reader may see a part of one that is being written."""
        lines = self.path.read_bytes().rpartition(b"\n")[0].splitlines()
        found = [Entry(**json.loads(line)) for line in lines]
        return [entry for entry in found if what in (None, entry.what) and job in (None, entry.job)]

    def starts(self, job: str) -> list[Entry]:
        return self.entries("start", job)

    def effects(self, job: str) -> list[Entry]:
        return self.entries("effect", job)

    def close(self) -> None:
        os.close(self._file)
