"""`Inspector`: every read for people but searches. It never writes, and never scans the key space."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Self

from emp_core.domain.caller import Caller
from emp_core.domain.job import Job
from emp_core.domain.requirements import Requirements
from emp_core.domain.states import RUNNING, WAITING
from emp_core.domain.trend import Trend
from emp_core.domain.worker import Worker
from emp_core.errors import Ambiguous, NotFound
from emp_core.store.codec import Attempt, asked_of, attempt_of, fields_of, job_fields, job_of, json_of
from emp_core.store.connection import DAMAGED, Link, undamaged
from emp_core.store.fleet import fleet_steps, jobs_of, read_workers, without_others
from emp_core.store.reserved import reserved_steps, reserved_workers
from emp_core.store.steps import Command, Steps, abreast
from emp_core.store.summary import Summary, summary_steps
from emp_core.store.trend import read_trend

CLASSES_AT_MOST = 1_000
"""Classes that one call reads."""

IDS_AT_MOST = 1_000
"""Ids that begin alike, among which those of one customer are looked for."""

PREFIX_LENGTH = 4
"""Characters of an id that find it without a scan."""

Class = tuple[Requirements | None, bool]
"""What a class asks, None where that is damaged, and whether it is unworkable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassView:
    """All waiting jobs with the same requirements."""

    class_id: str
    requirements: Requirements
    pending: int
    unworkable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """What is shown of one job and not in lists."""

    body: bytes | None
    """The payload as it was submitted; None where it was spilled, or not asked for."""

    outcome: Any
    """The result of a completed job or the failure of a failed one, as JSON; None where there is none."""

    ahead_in_class: int | None
    """How many jobs of its own class stand before a pending job; None if it is in no such line."""

    attempts: tuple[Attempt, ...]
    """Those that did not complete, oldest first."""


class Inspector:
    """Reads jobs, workers and classes. For a caller of one customer the jobs of others do not exist."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._caller: Caller | None = None

    def for_caller(self, caller: Caller) -> Self:
        """The same for a caller."""
        own = copy(self)
        own._caller = caller
        return own

    @property
    def _customer(self) -> str | None:
        """The only customer whose jobs exist; None: all do."""
        return self._caller.customer if self._caller else None

    def _check_unscoped(self, what: str) -> None:
        if self._caller:
            self._caller.check_unscoped(what)

    async def check_own(self, job_id: str) -> None:
        """Raises `NotFound` for a caller of one customer, unless the job exists and is this customer's."""
        if self._customer is not None and not await self.known([job_id]):
            raise NotFound("job", job_id)

    async def is_taken(self, job_id: str) -> bool:
        """Whether a job of another customer has this id, or had it less than a day ago."""
        if self._customer is None:
            return False
        states = [("HGET", self._key(f"job:{job_id}"), "state"), ("GET", self._key(f"job.gone:{job_id}"))]
        used = any(await self._link.read_many(states))
        return used and not (await self.known([job_id]) or await self.deleted([job_id]))

    def _key(self, name: str) -> str:
        return self._link.key(name)

    async def now_ms(self) -> int:
        """Redis's own time."""
        seconds, micros = await self._link.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def resolve(self, prefix: str) -> str:
        """The one job whose id begins so. Raises `NotFound` or `Ambiguous`."""
        is_listed = len(prefix) >= PREFIX_LENGTH
        there, *begin = await self._link.read_many(
            [self._whether_known(prefix), *([self._listed(prefix, 0)] if is_listed else ())]
        )
        if self._is_known(there):
            return prefix
        if not is_listed:
            raise NotFound("job", prefix, hint=f"a prefix needs at least {PREFIX_LENGTH} characters")
        found = await self._that_begin(prefix, undamaged(begin[0]))
        if not found:
            raise await self._not_found(prefix)
        if len(found) > 1:
            raise Ambiguous(prefix, found)
        return found[0]

    @property
    def _step(self) -> int:
        """Ids that begin alike and are read at once."""
        return 5 if self._customer is None else 100

    def _listed(self, prefix: str, start: int) -> Command:
        bucket = self._key(f"ids:{prefix[:PREFIX_LENGTH]}")
        return ("ZRANGE", bucket, f"[{prefix}", f"[{prefix}\xff", "BYLEX", "LIMIT", start, self._step)

    async def _that_begin(self, prefix: str, first: Sequence[bytes]) -> list[str]:
        """Five ids that begin so; the first ones are read. Raises `NotFound` if too many are other customers'."""
        found, step = list[str](), self._step
        for start in range(0, IDS_AT_MOST, step):
            some = await self._link.call(*self._listed(prefix, start)) if start else first
            names = [name.decode() for name in some]
            found += names if self._customer is None else sorted(await self.known(names))
            if len(found) >= 5 or len(names) < step:
                return found[:5]
        raise NotFound("job", prefix, hint=f"more than {IDS_AT_MOST:,} ids begin so; give more characters")

    async def find(self, prefix: str) -> Job:
        """The one job whose id is this or begins so. Raises `NotFound` or `Ambiguous`."""
        found = await self.jobs_by_id([prefix])
        return found[0] if found else await self.job(await self.resolve(prefix))

    async def job(self, job_id: str) -> Job:
        """One job. Raises `NotFound`."""
        found = await self.jobs_by_id([job_id])
        if not found:
            raise await self._not_found(job_id)
        return found[0]

    async def _not_found(self, job_id: str) -> NotFound:
        """Says where a job is that was moved to another queue."""
        left = await self._link.call("GET", self._key(f"job.gone:{job_id}"))
        word, *whose = left.decode().split(" ") if left else ("",)
        moved = word.startswith("moved:") and self._customer in (None, *whose)
        return NotFound("job", job_id, hint=f"it was moved to {word.removeprefix('moved:')}" if moved else "")

    async def jobs_by_id(self, job_ids: Sequence[str]) -> list[Job]:
        """Those of the jobs that exist, in the order given; in two round trips."""
        return await self._link.follow(self._job_steps(job_ids))

    def _job_steps(self, job_ids: Sequence[str]) -> Steps[list[Job]]:
        hashes = [("HGETALL", self._key(f"job:{job_id}")) for job_id in job_ids]
        # For a caller of one customer the reservations are other customers' workflows.
        unscoped = [("HGETALL", self._key("workers.reserved"))] if job_ids and self._customer is None else []
        answers = yield [*hashes, *unscoped]
        there = {job_id: job_fields(_fields(flat)) for job_id, flat in zip(job_ids, answers, strict=False) if flat}
        found = {name: fields for name, fields in there.items() if self._customer in (None, fields.get("customer"))}
        running = [job_id for job_id, fields in found.items() if fields.get("state") in RUNNING]
        waiting = {fields.get("class", "") for fields in found.values() if fields.get("state") in WAITING}
        reserved = reserved_workers(answers[-1]) if unscoped and waiting else {}
        (known, read), only = yield from abreast(
            self._class_steps(
                list({fields.get("class", "") for fields in found.values()}),
                [("ZSCORE", self._key("leases"), job_id) for job_id in running],
            ),
            reserved_steps(self._link, reserved, sorted(waiting)),
        )
        leases = dict(zip(running, read, strict=True))
        jobs = [self._job(job_id, fields, known, leases.get(job_id)) for job_id, fields in found.items()]
        return [_with_reservations(job, only.get(job.class_id, frozenset())) for job in jobs]

    def _job(self, job_id: str, fields: Mapping[str, str], known: Mapping[str, Class], lease: Any) -> Job:
        asked, unworkable = known.get(fields.get("class", ""), (Requirements(), False))
        return job_of(
            job_id,
            fields,
            asked,
            unworkable=unworkable and fields.get("state") in ("pending", "delayed", "blocked"),
            lease_until=int(float(lease)) if lease else None,
        )

    async def known(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that exist."""
        found = await self._link.read_many([self._whether_known(job_id) for job_id in job_ids])
        return {job_id for job_id, there in zip(job_ids, found, strict=True) if self._is_known(there)}

    def _whether_known(self, job_id: str) -> Command:
        """The read whose answer `_is_known` takes."""
        key = self._key(f"job:{job_id}")
        return ("EXISTS", key) if self._customer is None else ("HGET", key, "customer")

    def _is_known(self, answer: Any) -> bool:
        return bool(answer) if self._customer is None else answer == self._customer.encode()

    async def deleted(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that were deleted less than a day ago."""
        left = await self._link.read_many([("GET", self._key(f"job.gone:{job_id}")) for job_id in job_ids])
        found = {job_id: words.decode().split(" ")[1:] for job_id, words in zip(job_ids, left, strict=True) if words}
        return {job_id for job_id, whose in found.items() if self._customer is None or whose == [self._customer]}

    async def holds(self, job_id: str, worker: str, attempt: int, nonce: str) -> bool:
        """Whether a job runs under this claim."""
        state, holder, claim = await self._link.call("HMGET", self._key(f"job:{job_id}"), "state", "worker", "claim")
        signed = f"{attempt} {nonce} ".encode()
        return bool(state == b"active" and holder == worker.encode() and claim and claim.startswith(signed))

    def _class_steps(
        self, class_ids: Sequence[str], more: Sequence[Command]
    ) -> Steps[tuple[dict[str, Class], list[Any]]]:
        """Those of the classes that exist, and the answers to more reads in the same round trip."""
        reads = [("HGET", self._key(f"class:{name}"), "requirements") for name in class_ids]
        marks = [("SISMEMBER", self._key("classes.unworkable"), name) for name in class_ids]
        answers = yield [*reads, *marks, *more]
        count = len(class_ids)
        known = {
            name: (None if text is DAMAGED else asked_of(text), bool(mark))
            for name, text, mark in zip(class_ids, answers[:count], answers[count : 2 * count], strict=True)
            if text is not None
        }
        return known, answers[2 * count :]

    async def body(self, job_id: str) -> bytes | None:
        """The payload as it was submitted; None where it was spilled."""
        await self.check_own(job_id)
        body: bytes | None = await self._link.call("GET", self._key(f"job.payload:{job_id}"))
        return body

    async def outcome(self, job_id: str) -> Any:
        """The result of a completed job or the failure of a failed one, as JSON; None where there is none."""
        await self.check_own(job_id)
        text = await self._link.call("GET", self._key(f"job.result:{job_id}"))
        return json_of(text) if text else None

    async def more_of(self, job: Job, *, body: bool = True) -> More:
        """What is shown of one job and not in lists, in one round trip; without `body` not its payload."""
        await self.check_own(job.id)
        answers = await self._link.read_many(
            [
                ("GET", self._key(f"job.result:{job.id}")),
                ("ZREVRANK", self._key(f"jobs:pending:{job.class_id}"), job.id),
                ("LRANGE", self._key(f"job.attempts:{job.id}"), 0, -1),
                *([("GET", self._key(f"job.payload:{job.id}"))] if body else ()),
            ]
        )
        outcome, ahead, entries, *payload = (None if each is DAMAGED else each for each in answers)
        return More(
            body=payload[0] if payload else None,
            outcome=json_of(outcome) if outcome else None,
            ahead_in_class=ahead,
            attempts=tuple(_attempts(entries or ())),
        )

    async def log(self, job_id: str, start: int = 0) -> list[str]:
        """The kept log lines from `start` on."""
        await self.check_own(job_id)
        lines = await self._link.call("LRANGE", self._key(f"job.log:{job_id}"), start, -1)
        return [line.decode("utf-8", "replace") for line in lines]

    async def attempts(self, job_id: str) -> list[Attempt]:
        """The attempts that did not complete, oldest first."""
        await self.check_own(job_id)
        entries = await self._link.call("LRANGE", self._key(f"job.attempts:{job_id}"), 0, -1)
        return _attempts(entries)

    async def worker(self, worker_id: str) -> Worker:
        """One worker. Raises `NotFound`."""
        found = await read_workers(self._link, [worker_id])
        if not found:
            raise NotFound("worker", worker_id)
        return (await self.shown(found))[0]

    async def workers(self, *, gone: bool = False) -> list[Worker]:
        """Live workers by id; with `gone` those remembered too."""
        return await self.shown(await self._link.follow(fleet_steps(self._link, gone=gone)))

    async def shown(self, workers: Sequence[Worker]) -> list[Worker]:
        """Workers without the ids of other customers' jobs, in whose place `active` has a `-`."""
        if self._customer is None:
            return list(workers)
        own = await self.known([job_id for worker in workers for job_id in jobs_of(worker)])
        return [without_others(worker, own) for worker in workers]

    async def waiting_classes(self, limit: int = CLASSES_AT_MOST) -> list[ClassView]:
        """The classes with waiting jobs, the best head first."""
        self._check_unscoped("list the classes")
        heads = await self._link.call("ZRANGE", self._key("heads"), 0, limit - 1, "REV")
        names = [name.decode() for name in heads]
        sizes = [("ZCARD", self._key(f"jobs:pending:{name}")) for name in names]
        known, counts = await self._link.follow(self._class_steps(names, sizes))
        return [
            ClassView(class_id=name, requirements=asked, pending=count, unworkable=unworkable)
            for name, count in zip(names, counts, strict=True)
            for asked, unworkable in [known.get(name, (None, False))]
            if asked is not None
        ]

    async def summary(self, *, workers: Sequence[Worker] | None = None, oldest: bool = True) -> Summary:
        """The queue at a glance; reads no job. See `Queue.summary`."""
        self._check_unscoped("read the summary")
        return await self._link.follow(summary_steps(self._link, CLASSES_AT_MOST, workers, oldest=oldest))

    async def trend(self, minutes: int) -> Trend:
        """What the queue did in the last minutes. Raises `InvalidInput`."""
        self._check_unscoped("read the trend")
        return await read_trend(self._link, minutes)

    async def limits(self) -> dict[str, int]:
        """`customer:<id>` or `class:<id>` -> how many of its jobs may run at once."""
        self._check_unscoped("read the limits")
        found = await self._link.call("HGETALL", self._key("limits"))
        return {whose: int(maximum) for whose, maximum in fields_of(found).items()}


def _attempts(entries: Sequence[bytes]) -> list[Attempt]:
    attempts = (attempt_of(entry.decode("utf-8", "replace")) for entry in entries)
    return [attempt for attempt in attempts if attempt is not None]


def _with_reservations(job: Job, only: frozenset[str]) -> Job:
    """The job, with the workflows for which all workers are reserved that fit it, unless it is of one of these."""
    waits_in_vain = only and job.state in WAITING and not job.unworkable and job.workflow_id not in only
    return replace(job, reserved_for=tuple(sorted(only))) if waits_in_vain else job


def _fields(flat: Any) -> dict[str, str]:
    """None where the key is damaged: the job is shown as corrupt, the worker as lost."""
    return {} if flat is DAMAGED else fields_of(flat)
