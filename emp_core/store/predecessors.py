"""Reads the waiting jobs of emp's predecessors from their Redis, and writes nothing there."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from emp_core.errors import NotFound
from emp_core.store.codec import fields_of
from emp_core.store.connection import DAMAGED, Link, build_client

READ_AT_ONCE = 50
"""Hashes, which have the payloads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a predecessor keeps waiting jobs; each is a hash `job:<id>`."""

    sorted_sets: Sequence[str]
    lists: Sequence[str] = ()
    statuses: frozenset[str]
    """Those of a waiting job: an entry of a list may be about one that has been claimed or has ended."""


_TYPESCRIPT = Layout(
    sorted_sets=("jobs:pending", "jobs:unworkable"), statuses=frozenset({"pending", "queued", "unworkable"})
)

LAYOUTS: Mapping[str, Layout] = {
    "emp-redis": Layout(
        sorted_sets=("job_priority_queue", "jobs:pending"), lists=("job_queue",), statuses=frozenset({"pending"})
    ),
    "emprops-js": _TYPESCRIPT,
    "redis-direct": _TYPESCRIPT,
}
"""The Python hub; the TypeScript hub; the TypeScript workers that speak to Redis themselves."""


async def read_entries(url: str, layout: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """The id and the hash of each job in the lists, empty if there is no such hash.

    Raises `QueueUnavailable`, or `NotFound` if no list of this layout is there.
    """
    link = Link(build_client(url, ""), "")
    try:
        where = LAYOUTS[layout]
        if not await link.call("EXISTS", *where.sorted_sets, *where.lists):
            keys = ", ".join([*where.sorted_sets, *where.lists])
            raise NotFound("waiting job", f"of {layout}", hint=f"that Redis has none of the keys {keys}")
        seen: set[str] = set()
        async for some in _ids(link, where):
            new = [job_id for job_id in dict.fromkeys(some) if job_id not in seen]
            seen.update(new)
            for start in range(0, len(new), READ_AT_ONCE):
                names = new[start : start + READ_AT_ONCE]
                hashes = await link.read_many([("HGETALL", f"job:{job_id}") for job_id in names])
                for job_id, flat in zip(names, hashes, strict=True):
                    yield job_id, {} if flat is DAMAGED else fields_of(flat)
    finally:
        await link.close()


async def _ids(link: Link, where: Layout) -> AsyncIterator[list[str]]:
    for name in where.sorted_sets:
        cursor = None
        while cursor != 0:
            answer = await link.call("ZSCAN", name, cursor or 0, "COUNT", 1_000)
            cursor = int(answer[0])
            yield [member.decode("utf-8", "replace") for member, _ in answer[1]]
    for name in where.lists:
        start = 0
        while found := await link.call("LRANGE", name, start, start + 999):
            yield [member.decode("utf-8", "replace") for member in found]
            start += len(found)
