"""release_moved: T23, a job whose move has ended waits again."""

import pytest

from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look

SOON = 4_000_000_000_000


async def test_t23_it_waits_in_its_old_place_and_wakes_a_worker(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store)
    place, expiry = look().job(job)["score"], look().scores("expiry")
    await store.transfers.keep_back([job], "other", "")
    assert await worker.claim() is None
    await store.transfers.release([job], "to other", "")
    assert look().job(job)["score"] == place
    assert look().scores("expiry").keys() == expiry.keys()
    assert len(await worker.tokens()) == 1
    assert await worker.drain() == [job]


@pytest.mark.parametrize(("held", "where"), [(True, "held"), (False, "delayed")])
async def test_t23_a_held_or_delayed_job_stays_so(held: bool, where: str, store: Store, look: Look) -> None:
    job = await submit(store, run_at=SOON, deadline=SOON + 1)
    if held:
        await store.broker.hold(job)
    before = look()
    await store.transfers.keep_back([job], "other", "")
    await store.transfers.release([job], "to other", "")
    assert list(look().scores(where)) == [job]
    assert look().scores("expiry").keys() == before.scores("expiry").keys()


async def test_t23_only_a_job_with_that_mark(store: Store, look: Look) -> None:
    job = await submit(store)
    await store.transfers.keep_back([job], "other", "")
    await store.transfers.release([job, "nowhere"], "from other", "")
    assert look().job(job)["moving"] == "to other"
    for _ in range(2):
        await store.transfers.release([job], "to other", "")
    assert look().job(job)["state"] == "pending"
    assert look().event_names(job).count("unheld") == 1
