"""Nobody polls: a worker that found nothing is woken by the job that it can do."""

from emp_core.store import Store
from tests.support.builders import register, submit


async def test_exactly_one_is_woken(store: Store) -> None:
    small, large = await register(store, "small", gpu_memory_gb=8), await register(store, "large", gpu_memory_gb=80)
    assert [await small.claim(), await large.claim()] == [None, None]

    await submit(store)
    assert (len(await small.tokens()), len(await large.tokens())) == (1, 0), "the large card is kept for large jobs"

    link = store.blocking_link()
    await submit(store, requirements={"gpu_memory_gb": 48})
    (token,) = await store.registry.wait_for_token(large.waiter, 1, link)
    assert token.startswith("claim ")
    await link.close()
