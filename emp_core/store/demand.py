"""Reads what waits and runs by class, and by workflow.

No call holds Redis for long: what is read of classes goes in portions, and how much is read in all is bounded.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from math import inf

from emp_core.domain.demand import ClassDemand, Demand, WorkflowDemand, Workflows
from emp_core.domain.ordering import parts, time_of
from emp_core.domain.states import JobState
from emp_core.domain.worker import Worker
from emp_core.store.codec import asked_of, job_fields
from emp_core.store.connection import DAMAGED, Link, undamaged
from emp_core.store.oldest import oldest_of, under

MOST_CLASSES = 500
"""Classes with waiting jobs that are read, those with the best jobs first: 10 ms; as many of those at a limit, and as
many of those that no live worker can run."""

MOST_RUNNING = 2_000
"""Running jobs of which the class or the workflow is read."""

MOST_NEXT = 500
"""Pending jobs of which the workflow is read: the best ones of each class."""

CLASSES_AT_ONCE = 100


async def read_demand(link: Link, workers: Sequence[Worker]) -> Demand:
    """The classes with waiting or running jobs, and the profile numbers of live workers."""
    key = link.key
    flat, heads, parked, at_limit, avoided, leases, never = await link.read_many(
        [
            ("ZRANGE", key("heads"), 0, MOST_CLASSES - 1, "REV", "WITHSCORES"),
            ("ZCARD", key("heads")),
            ("SRANDMEMBER", key("parked"), MOST_CLASSES),
            ("SCARD", key("parked")),
            ("ZRANGE", key("avoided"), 0, -1, "WITHSCORES"),
            ("ZCARD", key("leases")),
            ("SRANDMEMBER", key("classes.unworkable"), MOST_CLASSES),
        ]
    )
    best = _scores(flat)
    stopped = frozenset(name.decode() for name in parked)
    returned = await _returned(link, _scores(avoided))
    running = [name.decode() for name in await link.call("ZRANGE", key("leases"), 0, MOST_RUNNING - 1)]
    active = await _fields(link, running, "class")
    unworkable = [name.decode() for name in never]
    names = list(dict.fromkeys([*best, *stopped, *returned, *active.values(), *unworkable]))
    numbers = await _profile_numbers(link, workers)
    live = frozenset(numbers.values())
    portions = [names[start : start + CLASSES_AT_ONCE] for start in range(0, len(names), CLASSES_AT_ONCE)]
    answers = await asyncio.gather(*(_portion(link, some, best, live) for some in portions))
    found = [each for some, _ in answers for each in some]
    listed = sum(1 for each in found if each.pending and each.class_id not in stopped)
    classes = [_with(each, returned.get(each.class_id, ()), each.class_id in stopped) for each in found]
    return Demand(
        classes=tuple(each for each in classes if each.pending or each.running),
        workers=tuple(workers),
        profiles=numbers,
        more_classes=max(0, heads - listed) + max(0, at_limit - len(stopped)),
        more_running=max(0, leases - len(running)),
        oldest_exact=all(all_read for _, all_read in answers),
    )


def _scores(flat: Sequence[bytes]) -> dict[str, int]:
    return {name.decode(): int(float(score)) for name, score in zip(flat[::2], flat[1::2], strict=True)}


async def _returned(link: Link, avoided: Mapping[str, int]) -> dict[str, list[int]]:
    """Class -> the places of its jobs that wait for another worker."""
    found: dict[str, list[int]] = {}
    for job_id, name in (await _fields(link, list(avoided), "class")).items():
        found.setdefault(name, []).append(_time(avoided[job_id]))
    return found


def _time(score: float) -> int:
    return int(time_of(parts(int(score))[1]))


def _with(demand: ClassDemand, returned: Sequence[int], at_limit: bool) -> ClassDemand:
    """A class with its jobs that wait for another worker."""
    times = [*returned, *([] if demand.oldest_at is None else [demand.oldest_at])]
    pending = demand.pending + len(returned)
    return replace(demand, pending=pending, oldest_at=min(times, default=None), at_limit=at_limit)


async def _fields(link: Link, job_ids: Sequence[str], name: str) -> dict[str, str]:
    """Job -> a field of it, for those that have it: its `class`, or its `workflow`."""
    stored = "spec" if name == "class" else name
    words = await link.read_many([("HGET", link.key(f"job:{job_id}"), stored) for job_id in job_ids])
    known = {job: word for job, word in zip(job_ids, words, strict=True) if isinstance(word, bytes)}
    texts = {job: word.decode("utf-8", "replace") for job, word in known.items()}
    fields = {job: job_fields({stored: text}).get(name, "") for job, text in texts.items()}
    return {job: text for job, text in fields.items() if text}


async def _profile_numbers(link: Link, workers: Sequence[Worker]) -> dict[str, int]:
    found = await link.read_many([("HGET", link.key(f"worker:{worker.id}"), "slot") for worker in workers])
    return {
        worker.id: int(number)
        for worker, number in zip(workers, found, strict=True)
        if isinstance(number, bytes) and number.isdigit()
    }


async def _oldest(link: Link, names: Sequence[str], best: Mapping[str, int]) -> tuple[dict[str, int], bool]:
    """Class -> the earliest place of its listed jobs; the best ones' are known."""
    keys = {link.key(f"jobs:pending:{name}"): name for name in names}
    below = {key: under(best[name]) if name in best else "+inf" for key, name in keys.items()}
    found, exact = await link.follow(oldest_of(below))
    known = {name: time_of(parts(best[name])[1]) for name in names if name in best}
    times = {name: min(found.get(key, inf), known.get(name, inf)) for key, name in keys.items()}
    return {name: int(at) for name, at in times.items() if at < inf}, exact


async def _portion(
    link: Link, names: Sequence[str], best: Mapping[str, int], live: frozenset[int]
) -> tuple[list[ClassDemand], bool]:
    """Some classes; False: in some of them there may be an older job."""
    oldest, all_read = await _oldest(link, names, best)
    return await _classes(link, names, oldest, live), all_read


async def _classes(
    link: Link, names: Sequence[str], oldest: Mapping[str, int], live: frozenset[int]
) -> list[ClassDemand]:
    """Those of the classes whose record is sound."""
    count, key = len(names), link.key
    answers = await link.read_many(
        [
            *(("HMGET", key(f"class:{name}"), "requirements", "active") for name in names),
            *(("ZCARD", key(f"jobs:pending:{name}")) for name in names),
            # Without a worker there is nobody whom a verdict could be about.
            *(("GET", key(f"class.verdicts:{name}")) for name in names if live),
            ("SMISMEMBER", key("classes.unworkable"), *names),
        ]
    )
    *answers, never = answers
    columns = [answers[part * count : (part + 1) * count] for part in range(3 if live else 2)]
    if not live:
        columns.append([None] * count)
    rows = zip(names, *columns, undamaged(never), strict=True)
    found: list[ClassDemand] = []
    for name, words, pending, verdicts, unworkable in rows:
        asked = None if words is DAMAGED or words[0] is None else asked_of(words[0])
        if asked is None:
            continue
        found.append(
            ClassDemand(
                class_id=name,
                requirements=asked,
                pending=0 if pending is DAMAGED else pending,
                running=int(words[1] or 0),
                oldest_at=oldest.get(name),
                fitting=_fitting(verdicts, live) if isinstance(verdicts, bytes) else frozenset(),
                unworkable=bool(unworkable),
            )
        )
    return found


@lru_cache(maxsize=5_000)
def _fitting(verdicts: bytes, numbers: frozenset[int]) -> frozenset[int]:
    """The profile numbers that fit: two bits each, of which the second says it; of many classes they are the same."""
    return frozenset(
        number
        for number in numbers
        if number < 4 * len(verdicts) and verdicts[number // 4] >> (6 - 2 * (number % 4)) & 3 == FITS
    )


FITS = 3
"""A profile was judged, and fits."""


async def read_workflows(link: Link, workers: Sequence[Worker]) -> Workflows:
    """The workflows of the running jobs, of the best pending ones, and those that workers are reserved for."""
    running, leases, waiting, heads, parked = await link.read_many(
        [
            ("ZRANGE", link.key("leases"), 0, MOST_RUNNING - 1),
            ("ZCARD", link.key("leases")),
            ("HGET", link.key("counts"), JobState.PENDING.value),
            ("ZRANGE", link.key("heads"), 0, MOST_NEXT - 1, "REV"),
            ("SRANDMEMBER", link.key("parked"), MOST_NEXT),
        ]
    )
    best = await _best_jobs(link, [name.decode() for name in [*heads, *parked][:MOST_NEXT]])
    active = Counter((await _fields(link, [name.decode() for name in running], "workflow")).values())
    reserved = Counter(worker.workflow for worker in workers if worker.workflow)
    names = list(dict.fromkeys([*active, *(await _fields(link, best, "workflow")).values(), *reserved]))
    return Workflows(
        workflows=tuple(await _workflows(link, names, active, reserved)),
        looked_at=len(best),
        exact=leases <= len(running) and int(waiting or 0) <= len(best),
    )


async def _best_jobs(link: Link, classes: Sequence[str]) -> list[str]:
    """The best pending jobs of some classes, as many of each."""
    last = MOST_NEXT // max(1, len(classes)) - 1
    reads = [("ZRANGE", link.key(f"jobs:pending:{name}"), 0, last, "REV") for name in classes]
    return [job.decode() for jobs in await link.read_many(reads) if jobs is not DAMAGED for job in jobs]


async def _workflows(
    link: Link, names: Sequence[str], active: Mapping[str, int], reserved: Mapping[str, int]
) -> list[WorkflowDemand]:
    count, key = len(names), link.key
    answers = await link.read_many(
        [
            *(("HGET", key(f"workflow:{name}"), "priority") for name in names),
            *(("ZCARD", key(f"workflow.pending:{name}")) for name in names),
            *(("ZCARD", key(f"workflow.jobs:{name}")) for name in names),
            *(("ZRANGE", key(f"workflow.pending:{name}"), 0, 0, "REV", "WITHSCORES") for name in names),
        ]
    )
    sound = [None if answer is DAMAGED else answer for answer in answers]
    rows = zip(names, *(sound[part * count : (part + 1) * count] for part in range(4)), strict=True)
    return [
        WorkflowDemand(
            name=name,
            priority=int(priority) if priority and priority.isdigit() else None,
            pending=pending or 0,
            running=active.get(name, 0),
            jobs=jobs or 0,
            oldest_at=_time(float(first[1])) if first else None,
            reserved=reserved.get(name, 0),
        )
        for name, priority, pending, jobs, first in rows
    ]
