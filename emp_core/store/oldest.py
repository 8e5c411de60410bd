"""Finds how far back the oldest place of a pending job lies.

A list of jobs is ordered by priority first, so the oldest job may stand behind newer ones of a higher priority. Of one
priority the oldest comes first: each list is read once for each priority that it has.
"""

from emp_core.domain.ordering import TICK_SPAN, parts, time_of
from emp_core.store.connection import Link

MOST_CLASSES = 1_000
"""Classes whose lists are read."""

MOST_READS = 5_000
"""Jobs that are read in them."""


async def oldest_pending(link: Link) -> tuple[float | None, bool]:
    """The earliest place in ms since 1970; False: it is the earliest of those that were read.

    A job's place is the time of its submit, its due time or its retry by hand; jobs of a workflow have the workflow's.
    """
    key = link.key
    heads = await link.call("ZRANGE", key("heads"), 0, MOST_CLASSES, "REV")
    parked = await link.call("SRANDMEMBER", key("parked"), MOST_CLASSES + 1)
    names = [name.decode() for name in (*heads, *parked)]
    # `heads` is a list like the others: it has the oldest head of every priority, however many classes there are.
    lists = [key("heads"), key("avoided"), *(key(f"jobs:pending:{name}") for name in names[:MOST_CLASSES])]
    below = dict.fromkeys(lists, "+inf")
    oldest: list[float] = []
    reads = 0
    while below and reads < MOST_READS:
        best = [
            ("ZRANGE", name, top, "-inf", "BYSCORE", "REV", "LIMIT", 0, 1, "WITHSCORES") for name, top in below.items()
        ]
        found = dict(zip(below, await link.read_many(best), strict=True))
        reads += len(below)
        scores = {name: int(float(answer[1])) for name, answer in found.items() if isinstance(answer, list) and answer}
        oldest += [time_of(parts(score)[1]) for score in scores.values()]
        below = {name: f"({parts(score)[0] * TICK_SPAN}" for name, score in scores.items()}
    return min(oldest, default=None), not below and len(names) <= MOST_CLASSES
