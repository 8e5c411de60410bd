"""The page of the docs that says what lies in Redis: the table of keys, and the ideas behind the keys."""

from collections.abc import Sequence

from emp_core.store.keys import KEYS, Key
from tests.support.key_scan import writers

MANY = 8
"""Writers that are still worth listing."""


def redis_data_page() -> str:
    """The text of `docs/redis-data.md`."""
    by_row = writers()
    table = "\n".join(_line(row, by_row[row.name]) for row in KEYS)
    head = "| key | type | holds | until | written by |\n|---|---|---|---|---|"
    return f"{_INTRODUCTION}\n{head}\n{table}\n{_IDEAS}"


def _line(row: Key, names: Sequence[str]) -> str:
    written = f"{len(names)} scripts" if len(names) > MANY else ", ".join(f"`{name}`" for name in names)
    cells = (f"`{row.name}`", row.type, row.holds, row.bound, written)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


_INTRODUCTION = """\
# What lies in Redis

Generated from `emp_core/store/keys.py` and the scripts in `emp_core/store/lua`.

Every key begins with `{emp}:` (`EMP_KEY_PREFIX` changes it), then comes the kind, and the id last, so that no id can
name another key. The braces are a hash tag: on a Cluster the whole queue lies in one slot. Every change is one Lua
script, so that a job's state, its lists, its counters and its event change together; Python writes next to nothing by
itself. Times are ms since 1970 by Redis's own clock.
"""

_IDEAS = """
## Order

A job's place is one number: `priority * 2^46 + (2^46 - 1 - tick)`, the highest first, exact in a double. `tick`
counts 1/32 ms since 2025 and rises with every submit, so that jobs of one millisecond keep their order too. In Lua a
place travels as text. A job keeps its place over back-off, hold, release and loss; only a retry gives it a new one.

## Classes, profiles and verdicts

All jobs that ask the same of a worker are one *class*, all workers that offer the same have one *profile*; the id of
each is a hash of its canonical text. `heads` has the best place of each class, so the next job for a worker is the
head of the first class that its profile fits. What fits is decided in Python, by `domain.matching`, and kept in
`class.verdicts:*`: two bits for each profile slot, judged and fits. Whoever creates a class judges it against the
profiles in use; whoever registers a new profile judges it against the classes; a claim that meets a head that nobody
judged judges it first, and never passes it. A slot is given again only when its bits are cleared in every class.

## The cursor

Where many heads that do not fit stand in front, a profile would pass them at each claim. Its cursor remembers the
score above which nothing fits, as of a number of `changes`. Classes whose head rose since then are in `improved`; a
claim looks at those first, and then goes on downwards from the cursor. Heads that fall need no mention.

## Idle workers and wake-ups

A claim that finds nothing marks its worker idle in the same script. A job that becomes claimable takes exactly one
worker out of the idle lists, the least capable that fits, then the cheapest, and pushes a token onto the list that
its process blocks on. Who takes a token and does not use it for its class passes it on; who stops claiming returns
its tokens.

## Avoided and parked

A job that came back prefers another worker than the last three it was with: it waits in `avoided`, at most a minute,
and only while another live worker fits. Claims compare it with the best head. A class or a customer at its limit of
running jobs is parked: out of `heads` until one of them ends. Parking happens when a claim comes upon the limit, so a
limit costs nothing until then.

## When something is damaged

A job whose hash is missing or cannot be read is taken out of its list and noted in `quarantine`; nothing else waits
for it. A chore tries each again: what can be listed where its hash says it is, is; what has lost its hash is
forgotten whole.
"""
