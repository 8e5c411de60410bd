"""Checks of the queue itself: its layout, its jobs, and what takes the memory."""

from collections.abc import Iterator
from shlex import quote

from emp_core.client.doctor.check import Check, count, fail, ok, some, warn
from emp_core.client.doctor.server import refused
from emp_core.domain.sizes import size
from emp_core.store.readings import Contents, Readings
from emp_core.store.server import other_schema

OVER = 1.2
"""Streams are trimmed in blocks, and may be a little longer than their bound."""


def check_jobs(found: Readings) -> Iterator[Check]:
    """All of them."""
    yield _schema(found)
    yield _keys(found)
    if found.contents is not None:
        for check in (_indexes, _leases, _chores, _unworkable, _quarantine, _jobs):
            yield check(found.contents)


def _schema(found: Readings) -> Check:
    if found.schema is None:
        return ok("schema", f"nothing is stored at {found.prefix} yet")
    refusal = other_schema(found.schema, found.prefix)
    return refused("schema", refusal) if refusal else ok("schema", f"version {found.schema} at {found.prefix}")


def _indexes(found: Contents) -> Check:
    if found.indexing:
        return warn(
            "indexes",
            "jobs of an earlier version are not all listed for filters yet",
            "keep a hub running until they are: emp hub start",
        )
    return ok("indexes", "all jobs are listed for filters")


def _leases(found: Contents) -> Check:
    running = found.jobs.get("active", 0) + found.jobs.get("cancelling", 0)
    if found.orphans:
        text = f"{count(len(found.orphans), 'lease')} of jobs that do not run: {some(found.orphans)}"
        return warn("leases", text, "a hub mends them: emp hub start")
    return ok("leases", f"{count(running, 'running job')}, each with a lease")


def _chores(found: Contents) -> Check:
    late = [f"{number:,} {what}" for what, number in found.overdue.items() if number]
    if late:
        return fail("chores", f"nobody attends to the queue: {', '.join(late)}", "emp hub start")
    return ok("chores", "nothing is overdue")


def _unworkable(found: Contents) -> Check:
    if found.unworkable_jobs:
        kinds = count(found.unworkable_classes, "kind")
        text = f"{count(found.unworkable_jobs, 'job')} of {kinds} that no live worker can run"
        return warn("unworkable", text, "emp jobs --unworkable, then emp explain ID says what the workers lack")
    return ok("unworkable", "a live worker can run each waiting job")


def _quarantine(found: Contents) -> Check:
    if found.quarantined:
        names = some([f"{name} ({why})" for name, why in found.quarantine.items()])
        text = f"{count(found.quarantined, 'damaged job')}: {names}"
        first = next(iter(found.quarantine), "ID")
        return fail("quarantine", text, f"emp job show {quote(first)}; submit the job again under a new id")
    return ok("quarantine", "no job is damaged")


def _keys(found: Readings) -> Check:
    damaged = [each.key.name for each in found.sizes if each.damaged]
    if damaged:
        text = f"of another type than they should be: {some(damaged)}"
        return fail(
            "keys", text, f"redis-cli TYPE '{found.prefix}{damaged[0]}'; another program may write to this prefix"
        )
    over = [f"{each.key.name} ({each.length:,})" for each in found.sizes if _is_over(each.length, each.key.at_most)]
    if over:
        return warn("keys", f"longer than their bound: {some(over)}", "emp hub start: a hub trims them")
    largest = [f"{each.key.name} {size(each.memory)}" for each in found.sizes[:3]]
    return ok("keys", f"the largest: {', '.join(largest)}" if largest else "none yet")


def _is_over(length: int, at_most: int | None) -> bool:
    return at_most is not None and length > OVER * at_most


def _jobs(found: Contents) -> Check:
    if not found.weights:
        return ok("jobs", "there are none")
    kinds = sorted(found.weights.items(), key=lambda kind: kind[1].jobs * kind[1].mean, reverse=True)
    texts = [f"{each.jobs:,} {name} about {size(each.jobs * each.mean)}" for name, each in kinds]
    largest = max(found.weights.values(), key=lambda weight: weight.largest_bytes)
    biggest = f"largest of a sample: {largest.largest} with {size(largest.largest_bytes)}"
    return ok("jobs", f"{', '.join(texts)}; {biggest}")
