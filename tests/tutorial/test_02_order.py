"""The highest priority first, then the oldest; what a worker cannot do is left for those who can."""

from emp_core.store import Store
from tests.support.builders import register, submit


async def test_who_gets_what(store: Store) -> None:
    small = await register(store, "small", gpu_memory_gb=8)
    large = await register(store, "large", gpu_memory_gb=80)

    early = await submit(store)
    late = await submit(store)
    urgent = await submit(store, priority=90)
    huge = await submit(store, priority=100, requirements={"gpu_memory_gb": 48})

    assert (await small.take()).job_id == urgent
    assert (await large.take()).job_id == huge
    assert (await small.take()).job_id == early
    assert (await large.take()).job_id == late
