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
    written = f"{len(names)} functions" if len(names) > MANY else ", ".join(f"`{name}`" for name in names)
    cells = (f"`{row.name}`", row.type, row.holds, row.bound, written)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


_INTRODUCTION = """\
# Keys in Redis

Generated from `emp_core/store/keys.py` and the functions in `emp_core/store/lua`.

Every key begins with `{emp}:` (`EMP_KEY_PREFIX` changes it), then comes the kind, and the id last, so that no id can
name another key. The braces are a hash tag: on a Cluster the whole queue is in one slot. Every change is one call
of a Lua function ([the server](redis.md)), so that a job's state, its lists, its counters and its event change
together. Times are ms since 1970 by Redis's clock. [The fields of a job](job-fields.md) lists what the hash of a job
holds.
"""

_IDEAS = """
## Order

A job's place is one number: `priority * 2^46 + (2^46 - 1 - tick)`, the highest first, exact in a double. `tick` counts
1/32 ms since 2025 and rises with every submit, so that jobs of one millisecond keep their order too. In Lua a place
travels as text. A job keeps its place over back-off, hold, release and loss; only a retry gives it a new one.

## Classes, profiles and verdicts

All jobs with the same requirements form one *class*; all workers with the same capabilities share one *profile*. The id
of each is a hash of its canonical text. `heads` holds the best place of each class, so the next job for a worker is the
head of the first class that its profile fits. Python decides what fits (`domain.matching`), and `class.verdicts:*`
keeps the answers: two bits for each profile number, judged and fits. The process that creates a class judges it against
the profiles in use; the worker that registers a new profile judges it against the classes; a claim that meets a head
without a verdict judges it first, and never passes it. A profile number is reused only when its bits are
cleared in every class.

## The cursor

If many heads that do not fit come first, each claim of a profile would pass them again. Its cursor remembers the score
above which nothing fits, as of a change number. Classes whose head rose since then are in `improved`: a claim looks at
those first, and then continues downwards from the cursor. Heads that fall need no entry.

## Idle workers and wake-ups

A claim that finds nothing marks its worker idle in the same call. A job that becomes claimable takes exactly one
worker out of the idle lists, the least capable that fits, then the cheapest, and pushes a token onto the list on which
its process blocks. A worker that does not use a token for its class passes it on; a worker that stops claiming returns
its tokens.

## Avoided and parked

A returned job prefers other workers than its last three: it waits in `avoided`, at most a minute, and only while
another live worker fits. Claims compare it with the best head. A class or a customer at its limit of running jobs is
parked: it is out of `heads` until one of its jobs ends. A claim parks a class when it meets the limit, so a limit
costs nothing before that. When a job ends, the best eight parked classes come back. If the limit parks more,
`reopened` has it with the best of them; a claim that would take a worse job brings back more first.

## Claims for some jobs only

A worker at its limit of customers claims only for those that it has. `shortlist:` lists the classes of one customer
that fit a profile, each with a score that its best job is not above; a claim looks at the first, and corrects its
score if the head fell. Classes whose head rose since are in `improved`. A worker that is reserved for a workflow
reads `workflow.pending:` from the cursor of its profile down. Who lists a job above a cursor, or frees a limit
because of which jobs were passed, lifts the cursor.

## When something is damaged

A job whose hash is missing or unreadable is taken out of its list and noted in `quarantine`; other jobs do not wait for
it. A chore tries to repair each one: if the hash can be read, the job goes back to the list that the hash names; if the
hash is gone, the job is deleted.
"""
