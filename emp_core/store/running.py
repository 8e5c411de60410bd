"""The order in which running jobs are listed: by the start of their attempt, then by id.

The lists that Redis keeps of them change their order with every beat, so all of them are read: no more jobs than the
fleet has slots.
"""

from collections.abc import Sequence

from emp_core.domain.states import JobState
from emp_core.store.codec import job_fields
from emp_core.store.connection import DAMAGED, Link


async def by_start(link: Link, job_ids: Sequence[bytes], state: JobState) -> list[str]:
    """Those of some running jobs that are in a state, in order."""
    reads = [("HMGET", link.key(f"job:{job_id.decode()}"), "state", "claim") for job_id in job_ids]
    found = zip(job_ids, await link.read_many(reads), strict=True)
    here = [(name.decode(), words[1]) for name, words in found if words is not DAMAGED and words[0] == state.encode()]
    return [name for _, name in sorted((_claimed_at(claim), name) for name, claim in here)]


def _claimed_at(claim: bytes | None) -> int:
    """When the attempt began, from a job's `claim`; 0 if it is damaged."""
    return int(job_fields({"claim": (claim or b"").decode("utf-8", "replace")}).get("claimed", 0))
