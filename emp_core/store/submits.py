"""`Submits`: what a submit sends for each request, and what it makes of the answers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

from emp_core.domain.caller import Caller
from emp_core.domain.job import JobRequest
from emp_core.domain.policy import BYTES_A_CALL, JOBS_A_CALL, MAX_INLINE_PAYLOAD
from emp_core.errors import Conflict, DeletedId, EmpError, InvalidInput, LimitExceeded, QueueUnavailable
from emp_core.ids import new_job_id
from emp_core.store.classes import ClassIndex
from emp_core.store.codec import Record, submit_record
from emp_core.store.connection import WRONG_TYPE, Link
from emp_core.store.gathering import Gathering, Said

Spill = Callable[[str, bytes], Awaitable[None]]
"""Keeps a large body elsewhere: a job's id, and the body."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """The answer to a submit."""

    id: str
    state: str
    repeated: bool = False
    """The same request had been stored before."""

    workable: bool = True
    """Some live worker's profile fits."""


class Line(NamedTuple):
    """One request of a submit."""

    request: JobRequest
    job_id: str
    record: Record | EmpError
    """An error if the request cannot be stored."""


class Submits:
    """Stores jobs, those of all callers together."""

    def __init__(self, link: Link, classes: ClassIndex, max_waiting: Callable[[], int]) -> None:
        self._link = link
        self._classes = classes
        self._max_waiting = max_waiting
        self._gathering = Gathering(self._call, lambda: link.patience)

    async def store(
        self,
        requests: Sequence[JobRequest],
        caller: Caller | None,
        spill: Spill | None,
        answers: list[Submitted | EmpError],
    ) -> None:
        """See `Broker.submit_many`."""
        before = len(answers)
        ids = [request.id or new_job_id() for request in requests]
        asked: deque[tuple[list[Line], list[asyncio.Future[Said]]]] = deque()
        try:
            async with aclosing(_calls(zip(requests, ids, strict=True), caller, spill)) as calls:
                async for lines in calls:
                    records = [line.record for line in lines if not isinstance(line.record, EmpError)]
                    asked.append((lines, self._gathering.add(records)))
                    # Redis works on one call while the next one is made.
                    await asyncio.sleep(0)
                    if len(asked) > 1:
                        await self._collect(*asked.popleft(), answers)
            while asked:
                await self._collect(*asked.popleft(), answers)
        except QueueUnavailable as error:
            unanswered = ids[len(answers) - before :]
            if len(answers) == before:
                raise error.about(unanswered) from error
            answers += [error.about([job_id]) for job_id in unanswered]
        finally:
            for _, unheard in asked:
                _forget(unheard)

    async def _call(self, records: Sequence[Record]) -> Sequence[Said]:
        said: Sequence[Said] = await self._link.run("submit_jobs", records, max_waiting=self._max_waiting())
        return said

    async def _collect(
        self, lines: Sequence[Line], asked: Sequence[asyncio.Future[Said]], answers: list[Submitted | EmpError]
    ) -> None:
        said: list[Said] = []
        place = len(answers)
        try:
            for each in asked:
                said.append(await each)
        finally:
            # Also where not all were stored, or where the caller is cancelled: these are.
            said += [each.result() for each in takewhile(_is_answered, asked[len(said) :])]
            answers += answers_of(lines, said, {})
            _forget(asked)
        created = created_of(lines, said)
        if created:
            # Where Redis becomes unavailable now, a chore judges them.
            with suppress(QueueUnavailable):
                answers[place:] = answers_of(lines, said, await self._classes.judge_new(created))


async def _calls(
    requests: Iterable[tuple[JobRequest, str]], caller: Caller | None, spill: Spill | None
) -> AsyncGenerator[list[Line], None]:
    some: list[Line] = []
    size = 0
    for request, job_id in requests:
        line = await _line(request, job_id, caller, spill)
        more = 0 if isinstance(line.record, EmpError) else len(line.record[-1])
        if some and (len(some) == JOBS_A_CALL or size + more > BYTES_A_CALL):
            yield some
            some, size = [], 0
        some.append(line)
        size += more
    if some:
        yield some


async def _line(request: JobRequest, job_id: str, caller: Caller | None, spill: Spill | None) -> Line:
    try:
        own = caller.own(request) if caller else request
        return Line(own, job_id, await _record(own, job_id, spill))
    except QueueUnavailable:
        raise
    except EmpError as error:
        return Line(request, job_id, error)


async def _record(request: JobRequest, job_id: str, spill: Spill | None) -> Record:
    body = request.body_text()
    if len(body) > MAX_INLINE_PAYLOAD:
        if spill is None:
            raise LimitExceeded("payload", "max_inline_payload_bytes", len(body), MAX_INLINE_PAYLOAD)
        await spill(job_id, body)
        body = b""
    return submit_record(request, job_id, body, request.digest())


def _is_answered(asked: asyncio.Future[Said]) -> bool:
    return asked.done() and not asked.cancelled() and asked.exception() is None


def _forget(asked: Iterable[asyncio.Future[Said]]) -> None:
    """Nobody wants these answers; what was not sent is not stored."""
    for each in asked:
        if not each.cancel() and not each.cancelled():
            each.exception()


def answers_of(
    lines: Sequence[Line], said: Sequence[Sequence[bytes]], workable: Mapping[str, bool]
) -> list[Submitted | EmpError]:
    """The answers line by line, up to the first that has none; `workable` has the classes that were judged just now."""
    answers: list[Submitted | EmpError] = []
    words = iter(said)
    for line in lines:
        if isinstance(line.record, EmpError):
            answers.append(line.record)
        elif word := next(words, None):
            answers.append(_answer_of(line, word, workable.get(str(line.record[1]))))
        else:
            break
    return answers


def created_of(lines: Sequence[Line], said: Sequence[Sequence[bytes]]) -> dict[str, str]:
    """Class -> requirements of the classes that are new with these jobs."""
    records = [line.record for line in lines if not isinstance(line.record, EmpError)]
    return {
        str(record[1]): str(record[2])
        for record, answer in zip(records, said, strict=True)
        if answer[0] == b"ok" and answer[3] == b"new"
    }


def _answer_of(line: Line, said: Sequence[bytes], workable: bool | None) -> Submitted | EmpError:
    word, name, *more = (part.decode() for part in said)
    if word in ("ok", "already", "conflict"):
        state, standing = more[:2]
        fits = standing == "judged" if workable is None else workable
    if word == "ok":
        return Submitted(name, state, workable=fits)
    if word == "already":
        # Nobody else knows an id that was drawn for this call: its first answer was lost, and the client asked again.
        repeated = line.request.id is not None or name != line.job_id
        return Submitted(name, state, repeated=repeated, workable=fits)
    if word == "conflict":
        if line.request.is_earlier(more[2]):
            return Submitted(name, state, repeated=True, workable=fits)
        return taken(name)
    if word == "damaged":
        return Conflict(WRONG_TYPE)
    if word == "deleted":
        return DeletedId(name)
    if word == "parent":
        return InvalidInput("depends_on", f"there is no job {name}")
    return LimitExceeded("queue", "max_pending_jobs", int(name) + 1, int(name), hint="try again later")


def taken(job_id: str) -> Conflict:
    """Another request has this id."""
    return Conflict(f"job {job_id} was submitted with another body", hint="use a new id or idempotency key")
