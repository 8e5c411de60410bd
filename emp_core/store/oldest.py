"""Finds how far back the oldest place of a pending job lies.

A list of jobs is ordered by priority first, so the oldest job may stand behind newer ones of a higher priority. Of one
priority the oldest comes first: each list is read once for each priority that it has.
"""

from collections.abc import Mapping
from math import inf

from emp_core.domain.ordering import TICK_SPAN, parts, time_of
from emp_core.store.connection import DAMAGED, Link

MOST_CLASSES = 1_000
"""Classes whose lists are read."""

MOST_READS = 5_000
"""Jobs that are read in them."""


async def oldest_pending(link: Link) -> tuple[float | None, bool]:
    """The earliest place in ms since 1970; False: it is the earliest of those that were read.

    A job's place is the time of its submit, its due time or its retry by hand; jobs of a workflow have the workflow's.
    """
    below, all_lists = await _lists(link)
    oldest, exact = await oldest_of(link, below)
    return min(oldest.values(), default=None), all_lists and exact


async def oldest_of(link: Link, below: Mapping[str, str]) -> tuple[dict[str, float], bool]:
    """List -> the earliest place in it, of those under a score; False: the earliest of those that were read."""
    oldest: dict[str, float] = {}
    reads = 0
    while below and reads < MOST_READS:
        asked = [
            ("ZRANGE", name, at, "-inf", "BYSCORE", "REV", "LIMIT", 0, 1, "WITHSCORES") for name, at in below.items()
        ]
        found = dict(zip(below, await link.read_many(asked), strict=True))
        reads += len(below)
        scores = {name: int(float(best[1])) for name, best in found.items() if best and best is not DAMAGED}
        for name, score in scores.items():
            oldest[name] = min(time_of(parts(score)[1]), oldest.get(name, inf))
        below = {name: under(score) for name, score in scores.items()}
    return oldest, not below


async def _lists(link: Link) -> tuple[dict[str, str], bool]:
    """The lists to read, each with the score to begin under; False: there are more of them."""
    flat = await link.call("ZRANGE", link.key("heads"), 0, MOST_CLASSES, "REV", "WITHSCORES")
    parked = await link.call("SRANDMEMBER", link.key("parked"), MOST_CLASSES + 1)
    heads = zip(flat[::2], flat[1::2], strict=True)
    classes = {name: under(int(float(head))) for name, head in heads} | dict.fromkeys(parked, "+inf")
    some = list(classes.items())[:MOST_CLASSES]
    # `heads` is a list like the others: it has the best job of every class, of which none needs to be read again.
    below = {"heads": "+inf", "avoided": "+inf"} | {f"jobs:pending:{name.decode()}": under for name, under in some}
    return {link.key(name): under for name, under in below.items()}, len(classes) <= MOST_CLASSES


def under(score: int) -> str:
    """Below all jobs of the same priority, as Redis is asked."""
    return f"({parts(score)[0] * TICK_SPAN}"
