"""Finds how far back the oldest place of a pending job lies.

A list of jobs is ordered by priority first, so the oldest job may stand behind newer ones of a higher priority. Of one
priority the oldest comes first: each list is read once for each priority that it has.
"""

from collections.abc import Mapping, Sequence
from math import inf

from emp_core.domain.ordering import TICK_SPAN, parts, time_of
from emp_core.store.connection import DAMAGED, Link, undamaged
from emp_core.store.steps import Steps

MOST_CLASSES = 1_000
"""Classes whose lists are read."""

MOST_READS = 5_000
"""Jobs that are read in them."""


def oldest_steps(link: Link) -> Steps[tuple[float | None, bool]]:
    """The earliest place in ms since 1970; False: it is the earliest of those that were read.

    A job's place is the time of its submit, its due time or its retry by hand; jobs of a workflow have the workflow's.
    It takes a round trip for each priority in the list that has most of them, and one more.
    """
    flat, parked = yield [
        ("ZRANGE", link.key("heads"), 0, MOST_CLASSES, "REV", "WITHSCORES"),
        ("SRANDMEMBER", link.key("parked"), MOST_CLASSES + 1),
    ]
    flat = undamaged(flat)
    heads = {name: int(float(score)) for name, score in zip(flat[::2], flat[1::2], strict=True)}
    below, all_lists = _lists(link, heads, undamaged(parked))
    oldest, exact = yield from oldest_of(below)
    found = [*oldest.values(), *(time_of(parts(score)[1]) for score in heads.values())]
    return min(found, default=None), all_lists and exact


def oldest_of(below: Mapping[str, str]) -> Steps[tuple[dict[str, float], bool]]:
    """List -> the earliest place in it, of those under a score; False: the earliest of those that were read."""
    oldest: dict[str, float] = {}
    reads = 0
    while below and reads < MOST_READS:
        answers = yield [
            ("ZRANGE", name, at, "-inf", "BYSCORE", "REV", "LIMIT", 0, 1, "WITHSCORES") for name, at in below.items()
        ]
        found = dict(zip(below, answers, strict=True))
        reads += len(below)
        scores = {name: int(float(best[1])) for name, best in found.items() if best and best is not DAMAGED}
        for name, score in scores.items():
            oldest[name] = min(time_of(parts(score)[1]), oldest.get(name, inf))
        below = {name: under(score) for name, score in scores.items()}
    return oldest, not below


def _lists(link: Link, heads: Mapping[bytes, int], parked: Sequence[bytes]) -> tuple[dict[str, str], bool]:
    """The lists to read, each with the score to begin under; False: there are more of them."""
    classes = {name: under(head) for name, head in heads.items()} | dict.fromkeys(parked, "+inf")
    some = list(classes.items())[:MOST_CLASSES]
    below = {"avoided": "+inf"} | {f"jobs:pending:{name.decode()}": score for name, score in some}
    if len(heads) > MOST_CLASSES:
        # A list like the others: it has the best job of every class, those that are not read among them.
        below["heads"] = "+inf"
    return {link.key(name): score for name, score in below.items()}, len(classes) <= MOST_CLASSES


def under(score: int) -> str:
    """Below all jobs of the same priority, as Redis is asked."""
    return f"({parts(score)[0] * TICK_SPAN}"
