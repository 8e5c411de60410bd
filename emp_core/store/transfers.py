"""`Transfers`: waiting jobs on their way out of a queue and into another one (T23)."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Self

from emp_core.domain.caller import Caller, signature
from emp_core.domain.job_fields import JOB_FIELDS
from emp_core.domain.policy import BYTES_A_CALL, FORGOTTEN_A_CALL, JOBS_A_CALL, POLICY, TRANSFERRED_A_CALL
from emp_core.domain.requirements import Requirements
from emp_core.errors import Conflict, DeletedId, EmpError, LimitExceeded, NotFound, QueueUnavailable
from emp_core.store.classes import ClassIndex
from emp_core.store.codec import Record, asked_of, fields_of
from emp_core.store.connection import Link
from emp_core.store.submits import Submitted, taken

LEFT_BEHIND = frozenset({"state", "worker", "progress", "message", "avoid", "ended_at"})
"""Stored fields that mean nothing to another queue: it has other workers, and the state follows from the rest."""

OWN = ("digest", "ttl_left")
"""What a transferred job has beside the fields of the table."""

CARRIED = (*(row.stored for row in JOB_FIELDS if row.stored and row.name not in LEFT_BEHIND), *OWN)
"""By their names in the hash, in the order of `import_jobs.lua`."""

MAX_WAITING = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingJob:
    """A waiting job with all that another queue needs to store it in its place."""

    id: str
    requirements: Requirements
    values: Mapping[str, str]
    """Those of `CARRIED` that it has, as the hash has them."""

    waits_for: tuple[str, ...] = ()
    """The jobs that must end before it starts."""

    workflow: tuple[int, int, int] | None = None
    """Its workflow's priority, tick and next ordinal."""

    has_children: bool = field(default=False, compare=False)
    """Jobs of its own queue wait for it."""

    body: bytes | None = field(default=None, repr=False)
    """What the worker gets, as JSON; None: it is in the file store, because it is large."""

    def record(self) -> Record:
        """The fields of `import_jobs`, in its order."""
        asked, flow = self.requirements, self.workflow or ("", "", "")
        values = (self.values.get(name, "") for name in CARRIED)
        head = (self.id, asked.class_id, asked.canonical(), " ".join(self.waits_for))
        return (*head, *map(str, flow), *values, self.body or b"")


@dataclass(frozen=True, slots=True)
class Stays:
    """A job that cannot be transferred now."""

    why: str
    """Its state, or `gone`, `resolving`, `moving`, `parents`, `corrupt`."""

    parents: tuple[str, ...] = ()
    """The jobs that must move before it."""


class Transfers:
    """Reads, stores, keeps back and forgets jobs. Every call is safe to repeat."""

    def __init__(self, link: Link, classes: ClassIndex) -> None:
        self._link = link
        self._classes = classes
        self._caller: Caller | None = None

    def for_caller(self, caller: Caller) -> Self:
        """The same with orders signed by a caller."""
        own = copy(self)
        own._caller = caller
        return own

    def _signed(self, reason: str) -> dict[str, str]:
        return {"by": signature(self._caller), "reason": reason}

    async def read(self, job_ids: Sequence[str]) -> dict[str, WaitingJob | Stays]:
        """Waiting jobs with their payloads."""
        read: dict[str, WaitingJob | Stays] = {}
        for some in _batches(job_ids, TRANSFERRED_A_CALL):
            answers = await self._link.run("export_jobs", [(name,) for name in some], fields=" ".join(CARRIED))
            read |= await self._with_bodies(some, answers)
        return read

    async def begin_move(self, other: str, command: str) -> None:
        """From now on only this command moves jobs to or from another queue; an earlier one is refused."""
        key = self._link.key(f"move.command:{other}")
        await self._link.call("SET", key, command, "PX", POLICY.idempotency_ms)

    async def leads_move(self, other: str, command: str) -> bool:
        """Whether no other command has begun since."""
        return bool(await self._link.call("GET", self._link.key(f"move.command:{other}")) == command.encode())

    async def _step(self, name: str, records: Sequence[Sequence[str | bytes]], **arguments: Any) -> Sequence[Any]:
        """One step of a move. Raises `Conflict` if another command has taken it over."""
        answers: Sequence[Any] = await self._link.run(name, records, **arguments)
        if answers == [b"superseded"]:
            raise superseded()
        return answers

    async def keep_back(
        self, job_ids: Sequence[str], to: str, reason: str, command: str = ""
    ) -> dict[str, WaitingJob | Stays]:
        """Keep jobs from running because they move to another queue, and read them without their payloads."""
        read: dict[str, WaitingJob | Stays] = {}
        for some in _batches(job_ids, TRANSFERRED_A_CALL):
            records = [(name,) for name in some]
            arguments = {"mark": f"to {to}", "command": command, "fields": " ".join(CARRIED), **self._signed(reason)}
            answers = await self._step("move_jobs", records, **arguments)
            read |= {name: _transferred(name, answer, None) for name, answer in zip(some, answers, strict=True)}
        return read

    async def _with_bodies(
        self, job_ids: Sequence[str], answers: Sequence[Sequence[bytes]]
    ) -> dict[str, WaitingJob | Stays]:
        sizes = [int(answer[8]) if answer[0] == b"ok" else 0 for answer in answers]
        bodies: list[bytes | None] = []
        for start, end in _within(sizes, BYTES_A_CALL):
            keys = [self._link.key(f"job.payload:{name}") for name in job_ids[start:end]]
            bodies += await self._link.read_many([("GET", key) for key in keys])
        together = zip(job_ids, answers, bodies, strict=True)
        return {name: _transferred(name, answer, body) for name, answer, body in together}

    async def children(self, job_id: str) -> AsyncIterator[list[str]]:
        """The jobs that wait for a job, some at a time."""
        cursor = None
        while cursor != 0:
            key = self._link.key(f"job.children:{job_id}")
            answer = await self._link.call("SSCAN", key, cursor or 0, "COUNT", 1_000)
            cursor = int(answer[0])
            yield [name.decode() for name in answer[1]]

    async def store(
        self,
        jobs: Sequence[WaitingJob],
        *,
        moved_from: str = "",
        command: str = "",
        orphans: str = "",
        reason: str = "",
    ) -> list[Submitted | EmpError]:
        """Store jobs in order, each whole or not at all: for each the answer, or why it was not stored.

        Those that are moved from another queue wait for `release`.
        """
        answers: list[Submitted | EmpError] = []
        records = [job.record() for job in jobs]
        for start, end in _within([len(record[-1]) for record in records], BYTES_A_CALL, JOBS_A_CALL):
            mark = f"from {moved_from}" if moved_from else ""
            arguments = {"mark": mark, "command": command, "orphans": orphans, **self._signed(reason)}
            some = records[start:end]
            said = await self._step("import_jobs", some, max_waiting=MAX_WAITING, **arguments)
            answers += [_answer(str(record[0]), words) for record, words in zip(some, said, strict=True)]
            new = {str(record[1]): str(record[2]) for record, words in zip(some, said, strict=True) if _is_new(words)}
            if new:
                with suppress(QueueUnavailable):  # then a chore judges them
                    await self._classes.judge_new(new)
        return answers

    async def moving(self) -> AsyncIterator[dict[str, str]]:
        """The jobs on their way, some at a time: `to` or `from`, and the other queue's id."""
        cursor = None
        while cursor != 0:
            answer = await self._link.call("HSCAN", self._link.key("moving"), cursor or 0, "COUNT", 1_000)
            cursor = int(answer[0])
            if answer[1]:
                yield fields_of(answer[1])

    async def release(self, job_ids: Sequence[str], mark: str, reason: str, command: str = "") -> None:
        """End the move of jobs that stay: they wait again in their old places."""
        for some in _batches(job_ids, TRANSFERRED_A_CALL):
            records = [(name,) for name in some]
            await self._step("release_moved", records, mark=mark, command=command, **self._signed(reason))

    async def forget(self, job_ids: Sequence[str], mark: str, place: str, reason: str, command: str = "") -> None:
        """Forget jobs that another queue has. `place` says for a day where they are; empty: they never were here."""
        for some in _batches(job_ids, FORGOTTEN_A_CALL):
            records = [(name,) for name in some]
            arguments = {"mark": mark, "place": place, "command": command, **self._signed(reason)}
            await self._step("forget_moved", records, **arguments)


def superseded() -> Conflict:
    """Another command has taken over the moves between two queues."""
    return Conflict("another command moves jobs between these queues now", hint="let that one finish")


def _batches(job_ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (job_ids[start : start + size] for start in range(0, len(job_ids), size))


def _within(sizes: Sequence[int], most: int, count: int = TRANSFERRED_A_CALL) -> Iterator[tuple[int, int]]:
    """Slices of at most `count` things and about `most` bytes."""
    start = total = 0
    for place, size in enumerate(sizes):
        if place > start and (place - start == count or total + size > most):
            yield start, place
            start, total = place, 0
        total += size
    if start < len(sizes):
        yield start, len(sizes)


def _transferred(job_id: str, answer: Sequence[bytes], body: bytes | None) -> WaitingJob | Stays:
    word, *rest = answer
    if word != b"ok":
        return Stays(word.decode(), tuple(rest[0].decode().split()) if rest else ())
    _, _, asked, parents, *flow = rest[:7]
    requirements = asked_of(asked)
    if requirements is None:
        return Stays("corrupt")
    values = zip(CARRIED, rest[9:], strict=True)
    return WaitingJob(
        id=job_id,
        requirements=requirements,
        values={name: value.decode("utf-8", "replace") for name, value in values if value},
        waits_for=tuple(parents.decode().split()),
        workflow=(int(flow[0]), int(flow[1]), int(flow[2])) if flow[0] else None,
        has_children=rest[8] != b"0",
        body=body,
    )


def _is_new(words: Sequence[bytes]) -> bool:
    return words[0] == b"ok" and words[3] == b"new"


def _answer(job_id: str, words: Sequence[bytes]) -> Submitted | EmpError:
    word, name, *more = (part.decode() for part in words)
    if word in ("ok", "already"):
        return Submitted(name, more[0], repeated=word == "already", workable=more[1] == "judged")
    if word == "conflict":
        return taken(name) if name == job_id else Conflict(f"its idempotency key is that of job {name}")
    if word == "deleted":
        return DeletedId(name)
    if word == "parent":
        return NotFound("job", name)
    return LimitExceeded("queue", "max_pending_jobs", int(name) + 1, int(name), hint="try again later")
