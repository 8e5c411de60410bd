"""`Inspector`: every read for people but searches. It never writes, and never scans the key space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emp_core.domain.job import Job
from emp_core.domain.requirements import Requirements
from emp_core.domain.states import ENDED, OPEN, RUNNING
from emp_core.domain.worker import Worker
from emp_core.errors import Ambiguous, NotFound
from emp_core.store.codec import Attempt, asked_of, attempt_of, fields_of, job_fields, job_of, json_of
from emp_core.store.connection import DAMAGED, Link
from emp_core.store.fleet import read_workers, worker_names
from emp_core.store.memory import Memory, read_memory
from emp_core.store.oldest import oldest_pending
from emp_core.store.summary import Summary

CLASSES_AT_MOST = 1_000
"""Classes that one call reads."""

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
    """The payload as it was submitted; None where it was spilled."""

    outcome: Any
    """The result of a completed job or the failure of a failed one, as JSON; None where there is none."""

    ahead_in_class: int | None
    """How many jobs of its own class stand before a pending job; None if it is in no such line."""


class Inspector:
    """Reads jobs, workers and classes."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def _key(self, name: str) -> str:
        return self._link.key(name)

    async def now_ms(self) -> int:
        """Redis's own time."""
        seconds, micros = await self._link.call("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def resolve(self, prefix: str) -> str:
        """The one job whose id begins so. Raises `NotFound` or `Ambiguous`."""
        if await self._link.call("EXISTS", self._key(f"job:{prefix}")):
            return prefix
        if len(prefix) < PREFIX_LENGTH:
            raise NotFound("job", prefix, hint=f"a prefix needs at least {PREFIX_LENGTH} characters")
        bucket = self._key(f"ids:{prefix[:PREFIX_LENGTH]}")
        found = await self._link.call("ZRANGE", bucket, f"[{prefix}", f"[{prefix}\xff", "BYLEX", "LIMIT", 0, 5)
        if not found:
            raise NotFound("job", prefix)
        if len(found) > 1:
            raise Ambiguous(prefix, [name.decode() for name in found])
        name: bytes = found[0]
        return name.decode()

    async def find(self, prefix: str) -> Job:
        """The one job whose id is this or begins so. Raises `NotFound` or `Ambiguous`."""
        found = await self.jobs_by_id([prefix])
        return found[0] if found else await self.job(await self.resolve(prefix))

    async def job(self, job_id: str) -> Job:
        """One job. Raises `NotFound`."""
        found = await self.jobs_by_id([job_id])
        if not found:
            raise NotFound("job", job_id)
        return found[0]

    async def jobs_by_id(self, job_ids: Sequence[str]) -> list[Job]:
        """Those of the jobs that exist, in the order given."""
        hashes = await self._link.read_many([("HGETALL", self._key(f"job:{job_id}")) for job_id in job_ids])
        found = {job_id: job_fields(_fields(flat)) for job_id, flat in zip(job_ids, hashes, strict=True) if flat}
        leases = await self._leases([job_id for job_id, fields in found.items() if fields.get("state") in RUNNING])
        known = await self._classes(list({fields.get("class", "") for fields in found.values()}))
        return [self._job(job_id, fields, known, leases.get(job_id)) for job_id, fields in found.items()]

    async def _leases(self, job_ids: Sequence[str]) -> dict[str, Any]:
        """When the leases of running jobs end."""
        scores = await self._link.read_many([("ZSCORE", self._key("leases"), job_id) for job_id in job_ids])
        return dict(zip(job_ids, scores, strict=True))

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
        found = await self._link.read_many([("EXISTS", self._key(f"job:{job_id}")) for job_id in job_ids])
        return {job_id for job_id, there in zip(job_ids, found, strict=True) if there}

    async def deleted(self, job_ids: Sequence[str]) -> set[str]:
        """Those of the jobs that were deleted less than a day ago."""
        found = await self._link.read_many([("EXISTS", self._key(f"job.gone:{job_id}")) for job_id in job_ids])
        return {job_id for job_id, gone in zip(job_ids, found, strict=True) if gone}

    async def holds(self, job_id: str, worker: str, attempt: int, nonce: str) -> bool:
        """Whether a job runs under this claim."""
        state, holder, claim = await self._link.call("HMGET", self._key(f"job:{job_id}"), "state", "worker", "claim")
        signed = f"{attempt} {nonce} ".encode()
        return bool(state == b"active" and holder == worker.encode() and claim and claim.startswith(signed))

    async def _classes(self, class_ids: Sequence[str]) -> dict[str, Class]:
        """Those of the classes that exist."""
        reads = [("HGET", self._key(f"class:{name}"), "requirements") for name in class_ids]
        marks = [("SISMEMBER", self._key("classes.unworkable"), name) for name in class_ids]
        answers = await self._link.read_many([*reads, *marks])
        texts, bad = answers[: len(class_ids)], answers[len(class_ids) :]
        return {
            name: (None if text is DAMAGED else asked_of(text), bool(mark))
            for name, text, mark in zip(class_ids, texts, bad, strict=True)
            if text is not None
        }

    async def body(self, job_id: str) -> bytes | None:
        """The payload as it was submitted; None where it was spilled."""
        body: bytes | None = await self._link.call("GET", self._key(f"job.payload:{job_id}"))
        return body

    async def outcome(self, job_id: str) -> Any:
        """The result of a completed job or the failure of a failed one, as JSON; None where there is none."""
        text = await self._link.call("GET", self._key(f"job.result:{job_id}"))
        return json_of(text) if text else None

    async def more_of(self, job: Job) -> More:
        """What is shown of one job and not in lists, in one round trip."""
        rank = ("ZREVRANK", self._key(f"jobs:pending:{job.class_id}"), job.id)
        texts = [("GET", self._key(f"job.payload:{job.id}")), ("GET", self._key(f"job.result:{job.id}"))]
        sound = [None if each is DAMAGED else each for each in await self._link.read_many([*texts, rank])]
        body, outcome, ahead = sound
        return More(body=body, outcome=json_of(outcome) if outcome else None, ahead_in_class=ahead)

    async def log(self, job_id: str, start: int = 0) -> list[str]:
        """The kept log lines from `start` on."""
        lines = await self._link.call("LRANGE", self._key(f"job.log:{job_id}"), start, -1)
        return [line.decode("utf-8", "replace") for line in lines]

    async def attempts(self, job_id: str) -> list[Attempt]:
        """The attempts that did not complete, oldest first."""
        entries = await self._link.call("LRANGE", self._key(f"job.attempts:{job_id}"), 0, -1)
        attempts = (attempt_of(entry.decode("utf-8", "replace")) for entry in entries)
        return [attempt for attempt in attempts if attempt is not None]

    async def worker(self, worker_id: str) -> Worker:
        """One worker. Raises `NotFound`."""
        found = await read_workers(self._link, [worker_id])
        if not found:
            raise NotFound("worker", worker_id)
        return found[0]

    async def workers(self, *, gone: bool = False) -> list[Worker]:
        """Live workers by id; with `gone` those remembered too."""
        return await read_workers(self._link, await worker_names(self._link, gone=gone))

    async def waiting_classes(self, limit: int = CLASSES_AT_MOST) -> list[ClassView]:
        """The classes with waiting jobs, the best head first."""
        heads = await self._link.call("ZRANGE", self._key("heads"), 0, limit - 1, "REV")
        names = [name.decode() for name in heads]
        counts = await self._link.read_many([("ZCARD", self._key(f"jobs:pending:{name}")) for name in names])
        known = await self._classes(names)
        return [
            ClassView(class_id=name, requirements=asked, pending=count, unworkable=unworkable)
            for name, count in zip(names, counts, strict=True)
            for asked, unworkable in [known.get(name, (None, False))]
            if asked is not None
        ]

    async def summary(self) -> Summary:
        """The queue at a glance; reads no job."""
        workers = await self.workers()
        states = [worker.state for worker in workers]
        unworkable = await self._link.call("SRANDMEMBER", self._key("classes.unworkable"), CLASSES_AT_MOST)
        waiting = await self._link.read_many(
            [("ZCARD", self._key(f"jobs:pending:{name.decode()}")) for name in unworkable]
        )
        since, exact = await oldest_pending(self._link)
        at = await self.now_ms()
        up = [name for worker in workers for name, state in worker.services.items() if state == "up"]
        return Summary(
            jobs=await self._numbers(),
            workers={state: states.count(state) for state in sorted(set(states))},
            slots=sum(worker.slots for worker in workers),
            busy_slots=sum(len(worker.active) for worker in workers),
            classes_waiting=await self._link.call("ZCARD", self._key("heads")),
            unworkable_jobs=sum(waiting),
            held=await self._link.call("ZCARD", self._key("held")),
            memory=await read_memory(self._link),
            oldest_pending_ms=None if since is None else max(0, at - int(since)),
            oldest_pending_exact=exact,
            at=at,
            services={name: up.count(name) for name in sorted(set(up))},
        )

    async def memory(self, recent_ms: int) -> Memory:
        """How full Redis is, and which jobs fill it."""
        return await read_memory(self._link, recent_ms)

    async def limits(self) -> dict[str, int]:
        """`customer:<id>` or `class:<id>` -> how many of its jobs may run at once."""
        found = await self._link.call("HGETALL", self._key("limits"))
        return {whose: int(maximum) for whose, maximum in fields_of(found).items()}

    async def _numbers(self) -> dict[str, int]:
        """State -> number of its jobs."""
        lists = ("timeouts", "leases", *(f"jobs:{state}" for state in ENDED))
        reads = [("HGETALL", self._key("counts")), *(("ZCARD", self._key(name)) for name in lists)]
        waiting, active, running, *ended = await self._link.read_many(reads)
        numbers = {state: int(count) for state, count in fields_of(waiting).items()}
        numbers |= {"active": active, "cancelling": running - active, **dict(zip(ENDED, ended, strict=True))}
        return {state: numbers.get(state, 0) for state in (*OPEN, *ENDED)}


def _fields(flat: Any) -> dict[str, str]:
    """None where the key is damaged: the job is shown as corrupt, the worker as lost."""
    return {} if flat is DAMAGED else fields_of(flat)
