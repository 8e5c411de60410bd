"""`Outlook`: the reads behind an explanation: what stands before a job, and what holds its class back."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from emp_core.domain.job import Job, JobRequest
from emp_core.domain.ordering import TICK_SPAN, score, tick_at
from emp_core.domain.requirements import Requirements
from emp_core.domain.standing import MOST_CLASSES, Line, WaitingClass
from emp_core.domain.worker import Worker
from emp_core.store.codec import asked_of, job_fields
from emp_core.store.connection import DAMAGED, Link

WORKFLOW_HEAD_START_MS = 3_600_000
"""How much older than its first job a workflow may say that it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A job's place in the order of claims.

    Of equal scores a class's best job comes before a returned job, and the later name before the earlier one.
    """

    score: int
    class_id: str = ""
    job_id: str = ""
    listed: bool = False
    """It stands in its class's list. A job that is neither listed nor returned comes last of its score."""

    returned: bool = False
    """It waits for another worker."""

    def follows_class(self, class_id: str, head: float) -> bool:
        """Whether another class's best job comes before it."""
        return head > self.score or (head == self.score and (not self.listed or class_id > self.class_id))

    def follows_returned(self, job_id: str, at: float) -> bool:
        """Whether a returned job comes before it."""
        return at > self.score or (at == self.score and not self.listed and (not self.returned or job_id > self.job_id))

    def follows_job(self, job_id: str, at: float) -> bool:
        """Whether a job of its workflow comes before it."""
        waits = self.listed or self.returned
        return at > self.score or (at == self.score and (not waits or job_id > self.job_id))


THE_END = Place(score=0)
"""All that waits stands before it."""

Ranked = tuple[float, int, str, WaitingClass]
"""Score, 1 for a class or 0 for a returned job, name: the order of claims, from the highest down."""


class Outlook:
    """Reads how things stand around a job. It looks at `MOST_CLASSES` classes at most, the best heads first."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def place(self, job: Job) -> Place:
        """Where a pending job stands."""
        lists = (f"jobs:pending:{job.class_id}", "avoided")
        listed, returned = await self._link.read_many([("ZSCORE", self._link.key(name), job.id) for name in lists])
        place = Place(score=job.score, class_id=job.class_id, job_id=job.id)
        return replace(place, listed=listed is not None, returned=returned is not None)

    async def score_of(self, request: JobRequest, now: int) -> int:
        """The score that a job would get if it were submitted now."""
        last = await self._link.call("GET", self._link.key("tick"))
        tick = max(tick_at(now), int(last or 0) + 1)
        priority = request.priority
        if request.run_at is not None and request.run_at > now:
            tick = tick_at(request.run_at)
        if request.workflow_id is not None:
            key = self._link.key(f"workflow:{request.workflow_id}")
            of, first, ordinal = await self._link.call("HMGET", key, "priority", "tick", "next")
            if of is not None:
                priority, tick = int(of), min(int(first) + int(ordinal), TICK_SPAN - 1)
            elif request.workflow_datetime is not None:
                tick = min(tick, tick_at(max(request.workflow_datetime, now - WORKFLOW_HEAD_START_MS)))
        return score(priority, tick)

    async def line(self, place: Place = THE_END, *, firsts: bool = False) -> Line:
        """What stands before a place; `firsts`: with the id of each class's best job."""
        heads = await self._heads(place, "+inf")
        return await self._line(place, heads, firsts, exact=len(heads) <= MOST_CLASSES)

    async def line_of_profile(self, profile: str, place: Place = THE_END, *, firsts: bool = False) -> Line:
        """The same without classes of which the queue knows that they do not fit a profile.

        Claims keep a cursor for the profile: no head above this score fitted as of a change; heads that rose since may.
        """
        key = self._link.key
        number = await self._link.call("HGET", key("profiles"), profile)
        cursor = await self._link.call("HMGET", key(f"cursor:{number.decode()}"), "s", "v") if number else (None, None)
        if cursor[0] is None or cursor[1] is None:
            return await self.line(place, firsts=firsts)
        below, since = cursor[0].decode(), cursor[1].decode()
        limit = ("BYSCORE", "LIMIT", 0, MOST_CLASSES + 1)
        rose = await self._link.call("ZRANGE", key("improved"), f"({since}", "+inf", *limit)
        scores = await self._link.call("ZMSCORE", key("heads"), *rose) if rose else []
        found = {name.decode(): float(at) for name, at in zip(rose, scores, strict=True) if at is not None}
        risen = {name: at for name, at in found.items() if place.follows_class(name, at) and name != place.class_id}
        heads = risen | await self._heads(place, below)
        return await self._line(place, heads, firsts, exact=max(len(rose), len(heads)) <= MOST_CLASSES)

    async def workflow_line(self, workflow: str, place: Place = THE_END) -> Line:
        """The jobs of a workflow that stand before a place, for workers that are reserved for it."""
        key = self._link.key
        span = ("+inf", place.score, "BYSCORE", "REV", "LIMIT", 0, MOST_CLASSES + 1, "WITHSCORES")
        flat = await self._link.call("ZRANGE", key(f"workflow.pending:{workflow}"), *span)
        found = [(name.decode(), float(at)) for name, at in zip(flat[::2], flat[1::2], strict=True)]
        before = [name for name, at in found[:MOST_CLASSES] if place.follows_job(name, at)]
        returned = await self._link.read_many([("ZSCORE", key("avoided"), name) for name in before])
        avoiding = {name for name, at in zip(before, returned, strict=True) if at is not None}
        grouped: dict[tuple[str, tuple[str, ...]], WaitingClass] = {}
        for name, each in (await self._jobs(before, avoiding)).items():
            same = grouped.setdefault((each.class_id, each.avoid), replace(each, jobs=0, first=name))
            grouped[each.class_id, each.avoid] = replace(same, jobs=same.jobs + 1)
        return Line(classes=await self._startable(list(grouped.values())), exact=len(found) <= MOST_CLASSES)

    async def customers(self, fleet: Iterable[Worker]) -> dict[str, frozenset[str]]:
        """Worker -> the customers of the jobs that it runs, for workers with a limit of customers."""
        running = [(worker.id, job) for worker in fleet if worker.max_customers for job in worker.active]
        whose = await self._link.read_many([("HGET", self._link.key(f"job:{job}"), "customer") for _, job in running])
        found: dict[str, set[str]] = {}
        for (worker, _), customer in zip(running, whose, strict=True):
            if customer and customer is not DAMAGED:
                found.setdefault(worker, set()).add(customer.decode())
        return {worker: frozenset(customers) for worker, customers in found.items()}

    async def limit(self, class_id: str, asked: Requirements) -> str:
        """The limit that a class is at, in words; empty if none keeps its jobs from starting."""
        found = await self._limits({class_id: asked.customer_id})
        if found:
            return found[class_id]
        parked = await self._link.call("SISMEMBER", self._link.key("parked"), class_id)
        return "its class is at its limit" if parked else ""

    async def avoided_until(self, job: Job) -> int | None:
        """Until when a returned job waits for another worker; ms since 1970."""
        until = await self._link.call("ZSCORE", self._link.key("avoided.until"), job.id)
        return int(float(until)) if until else None

    async def states(self, job_ids: Sequence[str]) -> dict[str, str]:
        """The state of each job; `gone` where there is none."""
        answers = await self._link.read_many([("HGET", self._link.key(f"job:{name}"), "state") for name in job_ids])
        return {name: state.decode() if state else "gone" for name, state in zip(job_ids, answers, strict=True)}

    async def _heads(self, place: Place, below: str) -> dict[str, float]:
        """Other classes whose best job stands before a place, from a score down; one more than are looked at."""
        span = (below, place.score, "BYSCORE", "REV", "LIMIT", 0, MOST_CLASSES + 2, "WITHSCORES")
        flat = await self._link.call("ZRANGE", self._link.key("heads"), *span)
        found = [(name.decode(), float(at)) for name, at in zip(flat[::2], flat[1::2], strict=True)]
        return {name: at for name, at in found if name != place.class_id and place.follows_class(name, at)}

    async def _line(self, place: Place, heads: Mapping[str, float], firsts: bool, *, exact: bool) -> Line:
        best = sorted(heads.items(), key=lambda head: (head[1], head[0]), reverse=True)[:MOST_CLASSES]
        own = [(place.class_id, math.inf)] if place.class_id else []
        ranked = await self._classes(place, own + best, firsts) + await self._returned(place)
        ranked.sort(key=lambda each: each[:3], reverse=True)
        return Line(classes=await self._startable([waiting for *_, waiting in ranked]), exact=exact)

    async def _classes(self, place: Place, heads: Sequence[tuple[str, float]], firsts: bool) -> list[Ranked]:
        names = [name for name, _ in heads]
        counts = await self._link.read_many([self._count(place, name) for name in names])
        asked = await self._requirements(names)
        tops = [("ZRANGE", self._link.key(f"jobs:pending:{name}"), 0, 0, "REV") for name in names if firsts]
        best = await self._link.read_many(tops) or [DAMAGED] * len(names)
        return [
            (at, 1, name, WaitingClass(class_id=name, requirements=asked[name], jobs=count, first=_first(ids)))
            for (name, at), count, ids in zip(heads, counts, best, strict=True)
            if count and count is not DAMAGED and name in asked
        ]

    def _count(self, place: Place, class_id: str) -> tuple[Any, ...]:
        """How many jobs of a class stand before a place."""
        key = self._link.key(f"jobs:pending:{class_id}")
        if class_id == place.class_id and place.listed:
            return "ZREVRANK", key, place.job_id
        includes = class_id == place.class_id or place.follows_class(class_id, place.score)
        return "ZCOUNT", key, place.score if includes else f"({place.score}", "+inf"

    async def _returned(self, place: Place) -> list[Ranked]:
        """The jobs before a place that wait for another worker; the queue bounds how many there are."""
        span = ("+inf", place.score, "BYSCORE", "REV", "WITHSCORES")
        flat = await self._link.call("ZRANGE", self._link.key("avoided"), *span)
        found = {name.decode(): float(at) for name, at in zip(flat[::2], flat[1::2], strict=True)}
        before = [name for name, at in found.items() if name != place.job_id and place.follows_returned(name, at)]
        jobs = await self._jobs(before, set(before))
        return [(found[name], 0, name, waiting) for name, waiting in jobs.items()]

    async def _jobs(self, job_ids: Sequence[str], avoiding: set[str]) -> dict[str, WaitingClass]:
        """Single jobs as classes of one; `avoiding`: those that still wait for another worker."""
        key = self._link.key
        reads = await self._link.read_many([("HMGET", key(f"job:{name}"), "spec", "avoid") for name in job_ids])
        known = {name: words for name, words in zip(job_ids, reads, strict=True) if words is not DAMAGED and words[0]}
        of = {name: job_fields({"spec": words[0].decode()}).get("class", "") for name, words in known.items()}
        asked = await self._requirements(list(dict.fromkeys(of.values())))
        return {
            name: WaitingClass(
                class_id=of[name],
                requirements=asked[of[name]],
                jobs=1,
                first=name,
                avoid=tuple((words[1] or b"").decode().split()) if name in avoiding else (),
            )
            for name, words in known.items()
            if of[name] in asked
        }

    async def _requirements(self, class_ids: Sequence[str]) -> dict[str, Requirements]:
        """What the classes ask; without those that are damaged."""
        reads = [("HGET", self._link.key(f"class:{name}"), "requirements") for name in class_ids]
        texts = await self._link.read_many(reads)
        found = {name: asked_of(text) for name, text in zip(class_ids, texts, strict=True) if isinstance(text, bytes)}
        return {name: asked for name, asked in found.items() if asked is not None}

    async def _startable(self, waiting: Sequence[WaitingClass]) -> tuple[WaitingClass, ...]:
        """Without the classes that are at a limit: nobody may take their jobs now."""
        stopped = await self._limits({each.class_id: each.requirements.customer_id for each in waiting})
        return tuple(each for each in waiting if each.class_id not in stopped)

    async def _limits(self, whose: Mapping[str, str | None]) -> dict[str, str]:
        """Class -> the limit that keeps its jobs from starting, in words; `whose`: class -> its customer."""
        key = self._link.key
        if not whose or not await self._link.call("EXISTS", key("limits")):
            return {}
        classes, customers = list(whose), sorted({customer for customer in whose.values() if customer})
        names = [*(f"class:{name}" for name in classes), *(f"customer:{name}" for name in customers)]
        running = [("HGET", key(f"class:{name}"), "active") for name in classes]
        running += [("HGET", key("customers.active"), name) for name in customers]
        limits = await self._link.call("HMGET", key("limits"), *names)
        actives = await self._link.read_many(running)
        at_limit = {
            name: int(limit)
            for name, limit, active in zip(names, limits, actives, strict=True)
            if limit is not None and int(active or 0) >= int(limit)
        }
        return {name: words for name, customer in whose.items() if (words := _limit(name, customer, at_limit))}


def _limit(class_id: str, customer: str | None, at_limit: Mapping[str, int]) -> str:
    if f"class:{class_id}" in at_limit:
        return f"its class may run {_jobs(at_limit[f'class:{class_id}'])} at once"
    if customer and f"customer:{customer}" in at_limit:
        return f"customer {customer} may run {_jobs(at_limit[f'customer:{customer}'])} at once"
    return ""


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"


def _first(ids: Any) -> str:
    """The one id that was read; none if it was not, or the list is damaged."""
    return ids[0].decode() if ids and ids is not DAMAGED else ""
