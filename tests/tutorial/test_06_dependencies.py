"""A job may wait for others; if one of them fails, so does it."""

from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.support.builders import register, submit


async def test_after_its_parents(store: Store) -> None:
    worker = await register(store)
    load, mask = await submit(store), await submit(store)
    blend = await submit(store, depends_on=[load, mask])
    assert (await store.inspector.job(blend)).state is JobState.BLOCKED
    assert await worker.drain() == [load, mask, blend]


async def test_with_its_parent(store: Store) -> None:
    load = await submit(store)
    blend = await submit(store, depends_on=[load])
    await store.broker.cancel(load)
    shown = await store.inspector.job(blend)
    assert (shown.state, shown.code) == (JobState.FAILED, "dependency")
