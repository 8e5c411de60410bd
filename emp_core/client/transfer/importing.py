"""Stores the jobs of an export. Jobs that wait for others come behind all that do not, wherever their lines are."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from emp_core.client.queue import Queue
from emp_core.client.transfer.files import carry_files, has_files
from emp_core.client.transfer.later import Later
from emp_core.client.transfer.record import VERSION, Numbered, read_line
from emp_core.domain.json_text import parse_json
from emp_core.domain.policy import TRANSFERRED_A_CALL
from emp_core.domain.values import shown
from emp_core.errors import (
    ArtifactsUnavailable,
    DeletedId,
    EmpError,
    InvalidInput,
    LimitExceeded,
    Misconfigured,
    NotFound,
)
from emp_core.store import Submitted

if TYPE_CHECKING:
    from emp_core.artifacts import ArtifactStore

T = TypeVar("T")

Header = Mapping[str, Any]


@dataclass(slots=True)
class Counts:
    """What came of the jobs."""

    stored: int = 0
    already: int = 0
    deleted: int = 0
    """They were here before, and were deleted less than a day ago."""

    dropped: int = 0
    refused: int = 0


@dataclass(slots=True, kw_only=True)
class Import:
    """An import and what came of it so far."""

    queue: Queue
    open_files: "Callable[[Header], ArtifactStore]"
    """Opens the files of the exported jobs."""

    refuse: Callable[[int, EmpError], None]
    """Is told of each line whose job was not stored."""

    orphans: str = ""
    """What becomes of a job that waits for one that is in neither the queue nor the file: `hold`, `fail`, `drop`."""

    dry_run: bool = False
    reason: str = ""
    counts: Counts = field(default_factory=Counts)
    complete: bool = False
    """The file's last line was there, with the right number of jobs."""

    _header: Header = field(default_factory=dict[str, Any])
    _files: "ArtifactStore | None" = None
    _foreseen: set[str] = field(default_factory=set[str])

    async def run(self, lines: Iterable[bytes]) -> None:
        """Store the jobs that the queue lacks. Raises `InvalidInput` if it is no export, or of an unknown version.

        Raises `LimitExceeded` when the queue is full.
        """
        numbered = iter(enumerate(lines, 1))
        self._header = read_header(next(numbered, (1, b""))[1])
        with Later() as later:
            for some in _batches(self._jobs(numbered, later)):
                await self._take(some)
            for some in _batches(later.in_order()):
                await self._take(some)
            for line in later.in_circles():
                self._tell(line.number, InvalidInput("waits_for", f"job {line.job.id} waits for itself through others"))

    def _jobs(self, lines: Iterator[tuple[int, bytes]], later: Later) -> Iterator[Numbered]:
        """The jobs that wait for no others; the rest goes to `later`."""
        for jobs, (number, text) in enumerate(lines):
            try:
                value = parse_json("the line", text)
                if isinstance(value, dict) and value.get("end") is True:
                    self.complete = value.get("jobs") == jobs
                    continue
                line = Numbered(number, read_line(value))
                if line.job.waits_for:
                    later.put(text, line)
                    continue
            except InvalidInput as error:
                self._tell(number, error)
                continue
            yield line

    def _tell(self, number: int, error: EmpError) -> None:
        self.counts.refused += 1
        self.refuse(number, error)

    async def _take(self, lines: Sequence[Numbered]) -> None:
        answers = self._foresee(lines) if self.dry_run else self._store(lines)
        async for line, answer in answers:
            self._count(line, answer)

    async def _store(self, lines: Sequence[Numbered]) -> AsyncIterator[tuple[Numbered, Submitted | EmpError]]:
        known = await self.queue.known([line.job.id for line in lines if has_files(line.job)])
        ready: list[Numbered] = []
        for line in lines:
            try:
                ready.append(line if not has_files(line.job) or line.job.id in known else await self._with_files(line))
            except (NotFound, InvalidInput, Misconfigured, ArtifactsUnavailable) as error:
                self._tell(line.number, error)
        orphans = "" if self.orphans == "drop" else self.orphans
        answers = await self.queue.import_jobs([line.job for line in ready], orphans=orphans, reason=self.reason)
        for answered in zip(ready, answers, strict=True):
            yield answered

    async def _foresee(self, lines: Sequence[Numbered]) -> AsyncIterator[tuple[Numbered, Submitted | EmpError]]:
        """What `_store` would answer, but for conflicts over ids and idempotency keys."""
        ids = [line.job.id for line in lines]
        parents = [parent for line in lines for parent in line.job.waits_for if parent not in self._foreseen]
        known, deleted = await self.queue.known([*ids, *parents]), await self.queue.deleted(ids)
        for line in lines:
            name, there = line.job.id, known | self._foreseen
            missing = [parent for parent in line.job.waits_for if parent not in there]
            if name not in there and missing and self.orphans not in ("hold", "fail"):
                yield line, NotFound("job", missing[0])
                continue
            yield line, DeletedId(name) if name in deleted else Submitted(name, "", repeated=name in there)
            self._foreseen.add(name)

    async def _with_files(self, line: Numbered) -> Numbered:
        if self._files is None:
            self._files = self.open_files(self._header)
        return Numbered(line.number, await carry_files(line.job, self._files, self.queue.file_store()))

    def _count(self, line: Numbered, answer: Submitted | EmpError) -> None:
        match answer:
            case Submitted(repeated=False):
                self.counts.stored += 1
            case Submitted():
                self.counts.already += 1
            case DeletedId():
                self.counts.deleted += 1
            case NotFound() if self.orphans == "drop":
                self.counts.dropped += 1
            case NotFound(name=parent):
                problem = f"job {line.job.id} waits for job {parent}, which is neither here nor in the file"
                hint = "--orphans hold stores such jobs held, fail stores them failed, drop leaves them out"
                self._tell(line.number, InvalidInput("waits_for", problem, hint=hint))
            case LimitExceeded(limit="max_pending_jobs"):
                raise answer
            case _:
                self._tell(line.number, answer)


def _batches(things: Iterator[T]) -> Iterator[list[T]]:
    while some := list(islice(things, TRANSFERRED_A_CALL)):
        yield some


def read_header(text: bytes) -> Header:
    """The first line. Raises `InvalidInput`."""
    line = parse_json("line 1", text) if text.strip() else None
    version = line.get("emp_export") if isinstance(line, dict) else None
    if not isinstance(line, dict) or version is None:
        raise InvalidInput("line 1", "is not the header of an export", hint="`emp export FILE` writes such a file")
    if version != VERSION:
        hint = "use the emp that wrote it, or a newer one"
        raise InvalidInput("emp_export", f"is version {shown(version)}, this emp reads {VERSION}", hint=hint)
    return line
