"""`Submits`: what a submit sends for each request, and what it makes of the answers."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from emp_core.domain.caller import Caller
from emp_core.domain.job import JobRequest
from emp_core.domain.policy import BYTES_A_CALL, JOBS_A_CALL, MAX_INLINE_PAYLOAD
from emp_core.errors import Conflict, DeletedId, EmpError, InvalidInput, LimitExceeded, QueueUnavailable
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


_Asked: TypeAlias = tuple[list[Line], list[asyncio.Future[Said]]]
"""The lines of a call, and the answers to come."""


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
        ids: Sequence[str],
        caller: Caller | None,
        spill: Spill | None,
        answers: list[Submitted | EmpError],
    ) -> None:
        """See `Broker.submit_many`."""
        before = len(answers)
        failure: QueueUnavailable | None = None
        asked: deque[_Asked] = deque()
        try:
            failure = await self._ask_all(requests, ids, caller, spill, answers, asked)
            while asked:
                failure = await self._collect(*asked.popleft(), answers) or failure
        finally:
            for _, unheard in asked:
                _forget(unheard)
        if failure is None:
            return
        failed = [answer for answer in answers[before:] if isinstance(answer, QueueUnavailable)]
        if len(failed) == len(answers) - before:
            # If any call may have been carried out, the error must say so.
            told = next((error for error in failed if error.code in QueueUnavailable.MAYBE_DONE), failure)
            del answers[before:]
            raise told.about(ids) from failure
        answers += [failure.about([job_id]) for job_id in ids[len(answers) - before :]]

    async def _ask_all(
        self,
        requests: Sequence[JobRequest],
        ids: Sequence[str],
        caller: Caller | None,
        spill: Spill | None,
        answers: list[Submitted | EmpError],
        asked: deque[_Asked],
    ) -> QueueUnavailable | None:
        """Make the calls, at most one before the one under way is answered. What failed ends it, and is returned."""
        some: list[Line] = []
        size = 0
        for request, job_id in zip(requests, ids, strict=True):
            try:
                line = await _line(request, job_id, caller, spill)
            except QueueUnavailable as error:
                return error
            more = 0 if isinstance(line.record, EmpError) else len(line.record[-1])
            if some and (len(some) == JOBS_A_CALL or size + more > BYTES_A_CALL):
                asked.append(self._ask(some))
                some, size = [], 0
                # Redis works on one call while the next one is made.
                await asyncio.sleep(0)
                if len(asked) > 1 and (failure := await self._collect(*asked.popleft(), answers)):
                    return failure
            some.append(line)
            size += more
        if some:
            asked.append(self._ask(some))
        return None

    def _ask(self, lines: list[Line]) -> _Asked:
        records = [line.record for line in lines if not isinstance(line.record, EmpError)]
        return lines, self._gathering.add(records)

    async def _call(self, records: Sequence[Record]) -> Sequence[Said]:
        said: Sequence[Said] = await self._link.run("submit_jobs", records, max_waiting=self._max_waiting())
        return said

    async def _collect(
        self, lines: Sequence[Line], asked: Sequence[asyncio.Future[Said]], answers: list[Submitted | EmpError]
    ) -> QueueUnavailable | None:
        """Wait for the answers to a call. If it failed, the lines without an answer have the error, which is returned.

        The next call may be under way, and need not fail.
        """
        said: list[Said] = []
        place = len(answers)
        failure: QueueUnavailable | None = None
        try:
            for each in asked:
                said.append(await each)
        except QueueUnavailable as error:
            failure = error
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
        if failure is not None:
            answers += [failure.about([line.job_id]) for line in lines[len(answers) - place :]]
        return failure


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
    """Class -> requirements of the classes that are new with these jobs, up to the first that has no answer."""
    records = [line.record for line in lines if not isinstance(line.record, EmpError)]
    return {
        str(record[1]): str(record[2])
        for record, answer in zip(records, said, strict=False)
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
