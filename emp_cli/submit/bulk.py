"""Many requests in one submit.

Each line has an id that follows from the batch's, so that the batch can be sent again: what is stored already is not
stored twice. The batch's id holds a digest of the requests, by which a changed file is refused.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emp_cli.context import Session
from emp_cli.exits import ExitCode, code_of
from emp_cli.output import terminal
from emp_cli.submit.request import Line
from emp_core.domain.job import JobRequest
from emp_core.domain.policy import JOBS_A_CALL
from emp_core.errors import (
    ArtifactsUnavailable,
    DeletedId,
    EmpError,
    HubUnavailable,
    InvalidInput,
    LimitExceeded,
    QueueUnavailable,
)
from emp_core.ids import new_job_id

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.store import Submitted

AT_ONCE = 4 * JOBS_A_CALL
"""Lines between two looks at the progress; after Ctrl-C so many may be stored whose ids were not printed."""

READ_AT_ONCE = 16
"""Lines that are read without a look at what the queue has answered; about 1 ms."""

TOLD = 20
"""Refused lines that are told in full."""

RANDOM_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class Batch:
    """One submit of many lines."""

    id: str
    width: int
    """Digits of a line's number: with all ids of one length, none is the beginning of another."""

    def job_id(self, number: int) -> str:
        """The id of a line that brings none."""
        return f"{self.id}-{number:0{self.width}}"


def open_batch(digest: str, lines: Sequence[Line], resume: str | None) -> Batch:
    """A new batch of requests with this digest, or one to go on with. Raises `InvalidInput` if it was of others."""
    width = len(str(lines[-1].number)) if lines else 1
    if resume is None:
        return Batch(new_job_id()[:RANDOM_CHARACTERS] + digest, width)
    if len(resume) != RANDOM_CHARACTERS + len(digest):
        raise InvalidInput("resume", f"{resume!r} is not a batch: emp submit printed one when it began")
    if not resume.endswith(digest):
        raise InvalidInput(
            "resume",
            f"batch {resume} had other requests: the file or the options have changed",
            hint="repeat the command as it was, or submit the missing lines as a new batch",
        )
    return Batch(resume, width)


@dataclass(slots=True)
class Bulk:
    """A submit of many lines, and what came of them so far."""

    session: Session
    batch: Batch
    lines: Sequence[Line]
    write: Callable[[Sequence["Submitted"]], None]
    """Is given the jobs of a piece as soon as they are stored."""

    again: str
    """The command that goes on with the batch."""

    stored: list["Submitted"] = field(default_factory=list["Submitted"])
    repeated: int = 0
    deleted: int = 0
    refused: int = 0
    may_succeed_later: bool = False
    code: ExitCode = ExitCode.OK
    lost: QueueUnavailable | None = None

    async def run(self, emp: "AsyncEmp") -> ExitCode:
        """Submit the lines in order. A wrong line does not stop the others; an unavailable queue does."""
        terminal.note(f"batch {self.batch.id}: {len(self.lines)} requests")
        with terminal.progress(len(self.lines)) as advance:
            async with aclosing(self._read_ahead()) as pieces:
                async for some, read in pieces:
                    self.session.farewell = (
                        f"{self._so_far()}, and up to {len(some)} more may be; go on with:\n{self.again}"
                    )
                    before = len(self.stored)
                    for line, answer in zip(some, await self._send(emp, read), strict=True):
                        self._take(line, answer)
                    self._write(self.stored[before:])
                    if self.lost:
                        break
                    advance(len(some))
        self._sum_up()
        return ExitCode.UNAVAILABLE if self.lost else self.code

    async def _read_ahead(self) -> AsyncGenerator[tuple[Sequence[Line], list[JobRequest | EmpError]], None]:
        """The lines in pieces: each is read while the queue stores the one before."""
        pieces = [self.lines[start : start + AT_ONCE] for start in range(0, len(self.lines), AT_ONCE)]
        ahead = [asyncio.create_task(self._read_all(piece)) for piece in pieces[:1]]
        try:
            for number, piece in enumerate(pieces, start=1):
                read = await ahead.pop()
                ahead = [asyncio.create_task(self._read_all(following)) for following in pieces[number : number + 1]]
                yield piece, read
        finally:
            for reading in ahead:
                reading.cancel()

    async def _read_all(self, lines: Sequence[Line]) -> list[JobRequest | EmpError]:
        read: list[JobRequest | EmpError] = []
        for line in lines:
            if len(read) % READ_AT_ONCE == 0:
                await asyncio.sleep(0)  # the answers of the queue come in between
            read.append(self._read(line))
        return read

    async def _send(self, emp: "AsyncEmp", read: Sequence[JobRequest | EmpError]) -> list["Submitted | EmpError"]:
        requests = [request for request in read if isinstance(request, JobRequest)]
        try:
            answers = iter(await emp.submit_many(requests))
        except QueueUnavailable as error:
            answers = iter([error] * len(requests))
        return [next(answers) if isinstance(request, JobRequest) else request for request in read]

    def _read(self, line: Line) -> JobRequest | EmpError:
        try:
            return line.request(self.batch.job_id(line.number))
        except InvalidInput as error:
            return error

    def _take(self, line: Line, answer: "Submitted | EmpError") -> None:
        match answer:
            case QueueUnavailable():
                self.lost = self.lost or answer
            case DeletedId(job_id=job_id) if job_id == self.batch.job_id(line.number):
                self.deleted += 1
            case EmpError():
                self._refuse(line, answer)
            case _:
                self.stored.append(answer)
                self.repeated += answer.repeated

    def _write(self, stored: Sequence["Submitted"]) -> None:
        try:
            self.write(stored)
        except BrokenPipeError:  # the reader has seen enough, but the jobs are still to be stored
            terminal.drop_stdout()

    def _refuse(self, line: Line, error: EmpError) -> None:
        self.refused += 1
        self.code = self.code or code_of(error)
        over_quota = isinstance(error, LimitExceeded) and error.limit == "max_pending_jobs"
        if over_quota or isinstance(error, ArtifactsUnavailable | HubUnavailable):
            self.may_succeed_later = True
        if self.refused <= TOLD:
            named = isinstance(error, InvalidInput) and error.field == line.where
            terminal.fail(error.message if named else f"line {line.number}: {error.message}", error.hint)

    def _so_far(self) -> str:
        return f"{len(self.stored)} of {len(self.lines)} jobs are stored"

    def _sum_up(self) -> None:
        if self.refused > TOLD:
            terminal.fail(f"{self.refused - TOLD} more lines were refused")
        if self.lost:
            terminal.fail(f"{self.lost.message}; {self._so_far()}")
        notes = {"were stored before": self.repeated, "were deleted since": self.deleted, "refused": self.refused}
        more = "".join(f", {count} {what}" for what, count in notes.items() if count)
        if more and not self.lost:
            terminal.note(f"{self._so_far()}{more}")
        if self.lost or self.may_succeed_later:
            terminal.hint_line("go on with:")
            terminal.note(self.again)
