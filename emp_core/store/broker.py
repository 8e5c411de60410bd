"""`Broker`: every write about jobs. Reads for people are the inspector's."""

import random
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from emp_core.domain.caller import Caller, signature
from emp_core.domain.capabilities import Capabilities
from emp_core.domain.job import JobRequest
from emp_core.domain.json_text import dump_json
from emp_core.domain.outcome import Failure, Result
from emp_core.domain.policy import (
    BEATEN_A_CALL,
    FORGOTTEN_A_CALL,
    MAX_LINE,
    MAX_MESSAGE,
    MOVED_A_CALL,
)
from emp_core.errors import EmpError, Refused
from emp_core.ids import new_job_id, new_nonce
from emp_core.store.classes import ClassIndex
from emp_core.store.codec import Claimed, ClaimKey, Record, claimed_of
from emp_core.store.connection import Link
from emp_core.store.order_refusal import order_refusal
from emp_core.store.submits import Spill, Submits, Submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A worker as it signs its calls."""

    worker: str
    boot: str
    profile: str
    lease_ms: int


class Verb(StrEnum):
    """How an attempt ended."""

    COMPLETE = "complete"
    FAIL = "fail"
    RELEASE = "release"
    RETURN = "return"
    """A release before the run began: also a job that may run only once then waits for another worker."""

    MISMATCH = "mismatch"
    """The backend lacks a node or a model that the job needs: other workers get it."""

    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Settlement:
    """A worker's report of an attempt's end. Made by the functions below."""

    verb: Verb
    job_id: str
    attempt: int
    nonce: str
    data: bytes = b""
    code: str = ""
    """Of a failure: its `word`."""

    def record(self) -> Record:
        """The fields of `take_turn`'s records."""
        return self.verb, self.job_id, str(self.attempt), self.nonce, self.data


def completed(claim: ClaimKey, result: Result) -> Settlement:
    """T6."""
    data = dump_json({"data": result.data, "artifacts": list(result.artifacts)})
    return Settlement(Verb.COMPLETE, claim.job_id, claim.attempt, claim.nonce, data)


def failed(claim: ClaimKey, failure: Failure) -> Settlement:
    """T7."""
    words = f"{'error' if failure.retryable else 'permanent'} {failure.blame} {failure.word}"
    message = failure.message.replace("\n", " ")
    data = f"{words} {message}\n".encode() + dump_json(failure)
    return Settlement(Verb.FAIL, claim.job_id, claim.attempt, claim.nonce, data, failure.word)


def released(claim: ClaimKey, reason: str, *, begun: bool = True) -> Settlement:
    """T8."""
    verb = Verb.RELEASE if begun else Verb.RETURN
    return Settlement(verb, claim.job_id, claim.attempt, claim.nonce, reason.encode())


def mismatched(claim: ClaimKey, lacks: str) -> Settlement:
    """T8 before the run began, T7 if no other worker is left. `lacks` reads `lacks the node class Foo`."""
    return Settlement(Verb.MISMATCH, claim.job_id, claim.attempt, claim.nonce, lacks.encode())


def stopped(claim: ClaimKey) -> Settlement:
    """T13: the acknowledgement of a cancel."""
    return Settlement(Verb.CANCELLED, claim.job_id, claim.attempt, claim.nonce)


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of a worker's turn."""

    state: str
    """The worker's state."""

    answers: tuple[str, ...]
    """For each settlement: `ok`, `already`, `stale` or `cancel`."""

    claimed: tuple[Claimed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a worker would take."""

    nonces: tuple[str, ...] = ()
    """One for each free slot."""

    token: str = ""
    """The class of the wake-up that led here."""

    workflow: str = ""
    customers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Progress and log lines of a running attempt (T5)."""

    job_id: str
    attempt: int
    nonce: str
    percent: float | None = None
    stall_ms: int = 0
    message: str = ""
    """Cut to `MAX_MESSAGE` bytes."""

    lines: tuple[str, ...] = ()

    def record(self) -> Record:
        """The fields of `report_progress`'s records."""
        percent = "" if self.percent is None else f"{self.percent:.4g}"
        lines = "".join(f"{line.replace(chr(10), ' ')[:MAX_LINE]}\n" for line in self.lines)
        text = self.message.encode("utf-8", "replace")[:MAX_MESSAGE].decode("utf-8", "ignore").encode()
        stall = str(self.stall_ms)
        return self.job_id, str(self.attempt), self.nonce, percent, stall, text, lines.encode("utf-8", "replace")


class Broker:
    """Submits, claims, settles, cancels, steers. Every call is safe to repeat."""

    def __init__(self, link: Link, classes: ClassIndex, *, jitter: Callable[[], float] | None = None) -> None:
        self._link = link
        self._classes = classes
        self._jitter = jitter or (lambda: random.uniform(0.5, 1.5))
        self._caller: Caller | None = None
        self.max_waiting = 1_000_000
        self._submits = Submits(link, classes, lambda: self.max_waiting)

    def for_caller(self, caller: Caller) -> Self:
        """The same for a caller: for one of a single customer the jobs of others do not exist."""
        own = copy(self)
        own._caller = caller
        return own

    def _signed(self, reason: str, **arguments: str | int) -> dict[str, Any]:
        """The arguments of an order's function, with whose jobs it may change, and who gives it."""
        customer = (self._caller and self._caller.customer) or ""
        return {"customer": customer, "by": signature(self._caller), "reason": reason, **arguments}

    async def submit(self, request: JobRequest, spill: Spill | None = None) -> Submitted:
        """Store one job (T1). Raises what was wrong with it."""
        (answer,) = await self.submit_many([request], spill)
        if isinstance(answer, EmpError):
            raise answer
        return answer

    async def submit_many(
        self,
        requests: Sequence[JobRequest],
        spill: Spill | None = None,
        answers: list[Submitted | EmpError] | None = None,
        ids: Sequence[str] | None = None,
    ) -> list[Submitted | EmpError]:
        """Store jobs in order, each whole or not at all; the answers line by line.

        If Redis fails in the middle, the lines that it did not answer have the error; if all, it is raised. Its
        `job_ids` name the jobs. Whoever may cancel this gives a list, which then has the `answers` that had come.
        `ids` are those of the jobs, also of requests that bring none; they are drawn here if none are given.
        """
        answers = [] if answers is None else answers
        ids = [request.id or new_job_id() for request in requests] if ids is None else ids
        await self._submits.store(requests, ids, self._caller, spill, answers)
        return answers

    async def turn(self, life: Life, offered: Capabilities, wish: Wish, settled: Sequence[Settlement] = ()) -> Turn:
        """Settle what is done and claim for the free slots. Raises `Refused` where the worker must register."""
        records = [settlement.record() for settlement in settled]
        answers: tuple[str, ...] | None = None
        claimed: dict[str, Claimed] = {}
        judged: Sequence[bytes] = ()
        while True:
            state, *rest = await self._take_turn(life, wish, records)
            if state == b"refused:register":
                raise Refused("register", "the queue does not know this worker")
            said, jobs, unjudged, more = rest
            answers = tuple(word.decode() for word in said) if answers is None else answers
            claimed |= {job.nonce: job for job in map(claimed_of, jobs)}
            in_vain = bool(unjudged) and unjudged == judged
            if in_vain or (not unjudged and not more):
                return Turn(state.decode(), answers, tuple(claimed.values()))
            if unjudged:
                await self._classes.judge_heads([name.decode() for name in unjudged], life.profile, offered)
            # The first call used the wake-up or passed it on.
            records, judged, wish = [], unjudged, replace(wish, token="")

    async def _take_turn(self, life: Life, wish: Wish, records: Sequence[Record]) -> list[Any]:
        turn: list[Any] = await self._link.run(
            "take_turn",
            records,
            worker=life.worker,
            boot=life.boot,
            profile=life.profile,
            lease=life.lease_ms,
            jitter=self._jitter(),
            token=wish.token,
            workflow=wish.workflow,
            customers=" ".join(wish.customers),
            nonces=" ".join(wish.nonces),
        )
        return turn

    async def beat(
        self, life: Life, services: str, held: Iterable[ClaimKey], *, memory: str = ""
    ) -> tuple[str, dict[str, str]]:
        """Renew the leases of all that a worker runs (T4): its state, each job's answer. No `memory`: as before."""
        claims, state, answers = list(held), b"", dict[str, str]()
        for start in range(0, max(len(claims), 1), BEATEN_A_CALL):
            some = claims[start : start + BEATEN_A_CALL]
            state, *rest = await self._link.run(
                "beat_worker",
                [(claim.job_id, str(claim.attempt), claim.nonce) for claim in some],
                worker=life.worker,
                boot=life.boot,
                lease=life.lease_ms,
                jitter=self._jitter(),
                services=services,
                memory=memory,
            )
            if state == b"refused:register":
                raise Refused("register", "the queue does not know this worker")
            answers |= {claim.nonce: word.decode() for claim, word in zip(some, rest[0], strict=True)}
        return state.decode(), answers

    async def report(self, worker: str, reports: Sequence[Report]) -> list[str]:
        """Keep progress and log lines: for each `ok`, `watched` if previews are asked for, `cancel` or `stale`."""
        answers = await self._link.run("report_progress", [report.record() for report in reports], worker=worker)
        return [word.decode() for word in answers]

    async def cancel(self, job_id: str, *, worker: str = "", reason: str = "") -> str:
        """Cancel (T12): the job's state afterwards; an ended job stays as it is."""
        answer: bytes = await self._link.run("cancel_job", **self._signed(reason, id=job_id, worker=worker))
        if refusal := order_refusal("cancel", job_id, answer.decode() if answer in (b"gone", b"moving") else "ok"):
            raise refusal
        return answer.decode()

    async def retry(self, job_id: str, *, reason: str = "") -> None:
        """Run a failed or cancelled job anew (T14)."""
        await self._act("retry", job_id, reason, nonce=new_nonce())

    async def hold(self, job_id: str, *, reason: str = "") -> None:
        """Keep a waiting job back (T19)."""
        await self._act("hold", job_id, reason)

    async def unhold(self, job_id: str, *, reason: str = "") -> None:
        """Let a held job wait again, in its old place (T20)."""
        await self._act("unhold", job_id, reason, nonce=new_nonce())

    async def requeue(self, job_id: str, *, reason: str = "") -> None:
        """Take a running job from its worker (T15)."""
        await self._act("requeue", job_id, reason, nonce=new_nonce())

    async def _act(self, verb: str, job_id: str, reason: str, **arguments: str) -> None:
        answer: bytes = await self._link.run(f"{verb}_job", **self._signed(reason, id=job_id, **arguments))
        if refusal := order_refusal(verb, job_id, answer.decode()):
            raise refusal

    async def set_priority(self, job_ids: Sequence[str], priority: int, *, reason: str = "") -> dict[str, str]:
        """Move waiting jobs to another priority (T21): for each `ok`, `gone`, or the state that forbids it."""
        records = [(job_id,) for job_id in job_ids]
        arguments = self._signed(reason, priority=priority, workflow="")
        answers = await self._link.run("set_priority", records, **arguments)
        return {job_id: word.decode() for job_id, word in zip(job_ids, answers, strict=True)}

    async def set_workflow_priority(self, workflow_id: str, priority: int, *, reason: str = "") -> int:
        """Move a workflow's waiting jobs, some a call, and those to come. How many were moved."""
        if self._caller:
            self._caller.check_unscoped("set the priority of a workflow")
        ids = await self._link.call("ZRANGE", self._link.key(f"workflow.jobs:{workflow_id}"), 0, -1)
        arguments = self._signed(reason, priority=priority, workflow=workflow_id)
        moved = 0
        for start in range(0, len(ids), MOVED_A_CALL):
            records = [(job_id,) for job_id in ids[start : start + MOVED_A_CALL]]
            moved += (await self._link.run("set_priority", records, **arguments)).count(b"ok")
        return moved

    async def delete(self, job_ids: Sequence[str], *, reason: str = "") -> dict[str, str]:
        """Forget ended jobs (T16): for each `ok`, `gone`, or the state that forbids it."""
        words: dict[str, str] = {}
        for start in range(0, len(job_ids), FORGOTTEN_A_CALL):
            some = job_ids[start : start + FORGOTTEN_A_CALL]
            answers = await self._link.run("delete_jobs", [(job_id,) for job_id in some], **self._signed(reason))
            words |= {job_id: word.decode() for job_id, word in zip(some, answers, strict=True)}
        return words

    async def unclaim(self, worker: str, claim: ClaimKey) -> str:
        """Take back an offer that was not taken (T22)."""
        answer: bytes = await self._link.run(
            "unclaim_job", worker=worker, id=claim.job_id, attempt=str(claim.attempt), nonce=claim.nonce
        )
        return answer.decode()

    async def set_limit(self, whose: str, maximum: int | None, *, reason: str = "") -> None:
        """How many jobs of `customer:<id>` or `class:<id>` may run at once; None takes the limit away."""
        by = signature(self._caller)
        await self._link.run("set_limit", whose=whose, maximum=-1 if maximum is None else maximum, by=by, reason=reason)
