"""Reads the waiting jobs of a queue as lines: a header, a line for each job, and a last line with their number."""

from collections.abc import AsyncGenerator, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emp_core.client.queue import Queue
from emp_core.client.transfer.files import carry_files, has_files
from emp_core.client.transfer.record import VERSION, line_of
from emp_core.domain.filter import EVERY_JOB, Filter, parse
from emp_core.domain.json_text import dump_json, load_json
from emp_core.domain.policy import TRANSFERRED_A_CALL
from emp_core.domain.states import WAITING
from emp_core.domain.views import time_view
from emp_core.errors import InvalidInput
from emp_core.store.transfers import WaitingJob

if TYPE_CHECKING:
    from emp_core.artifacts import ArtifactStore

PAGE = 1_000


def waiting(where: str) -> Filter:
    """The waiting jobs that match a filter. Raises `FilterError`."""
    return (parse(where) if where else EVERY_JOB) & Filter.of(status=sorted(WAITING))


@dataclass(slots=True, kw_only=True)
class Export:
    """An export and what it wrote so far."""

    queue: Queue
    where: str = ""
    files_url: str = ""
    """Where the queue's files are, for the reader of the lines."""

    copies: "ArtifactStore | None" = None
    """Where to copy the jobs' files; None: they stay where they are."""

    written: int = 0
    changed: int = 0
    """Jobs that started or ended before they were read."""

    referenced: int = 0
    """Jobs whose files stay where they are."""

    async def header(self) -> dict[str, Any]:
        """What the first line says. `count` is null if only reading the jobs could tell."""
        first = await self.queue.jobs(waiting(self.where), limit=1)
        return {
            "emp_export": VERSION,
            "queue": self.queue.id,
            "exported_at": time_view(await self.queue.now_ms()),
            "where": self.where,
            "count": first.total,
            "files": None if self.copies else {"url": self.files_url, "queue": self.queue.id},
        }

    def last_line(self, before: int = 0) -> bytes:
        """Says how many jobs there are, with those that were written before."""
        return dump_json({"end": True, "jobs": before + self.written})

    async def lines(self, known: Collection[str] = ()) -> AsyncGenerator[list[bytes], None]:
        """The jobs, some at a time, each once, but for those that are known."""
        done = set(known)
        cursor: str | None = ""
        while cursor is not None:
            page = await self.queue.jobs(waiting(self.where), limit=PAGE, cursor=cursor, at_most=None)
            cursor = page.cursor
            new = [job.id for job in page.jobs if job.id not in done]
            done |= set(new)
            for start in range(0, len(new), TRANSFERRED_A_CALL):
                read = await self.queue.export_jobs(new[start : start + TRANSFERRED_A_CALL])
                found = [job for job in read.values() if isinstance(job, WaitingJob)]
                self.changed += len(read) - len(found)
                yield [dump_json(line_of(await self._with_files(job))) for job in found]
                self.written += len(found)

    async def _with_files(self, job: WaitingJob) -> WaitingJob:
        if not has_files(job):
            return job
        if self.copies is not None:
            return await carry_files(job, self.queue.file_store(), self.copies)
        self.referenced += 1
        return job


def resume_point(lines: Iterable[bytes], header: dict[str, Any]) -> tuple[set[str], int]:
    """The jobs of an export that did not finish, and where its next line begins.

    Raises `InvalidInput` if it is an export of another queue, filter or version, or none.
    """
    ids: set[str] = set()
    end = 0
    for line in lines:
        written = _complete(line)
        if not end:
            for name in ("emp_export", "queue", "where"):
                if written.get(name) != header[name]:
                    problem = f"is for an export with another {name}: {written.get(name)!r}, not {header[name]!r}"
                    raise InvalidInput("resume", problem, hint="export to a new file")
        elif "id" not in written:
            break
        else:
            ids.add(written["id"])
        end += len(line)
    return ids, end


def _complete(line: bytes) -> dict[str, Any]:
    """What a line says; nothing if it was cut off."""
    try:
        value = load_json(line) if line.endswith(b"\n") else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
