"""The hub that keeps the files is unavailable for a while."""

from urllib.parse import urlsplit

from emp_core.domain.states import JobState
from emp_core.store import Store
from tests.faults.fleet import Fleet
from tests.faults.patience import eventually
from tests.faults.scenario import is_in
from tests.support.builders import submit

PLENTY = 60
"""Seconds of a lease that nobody loses."""


async def test_killed_hub_costs_no_finished_job(store: Store, fleet: Fleet) -> None:
    """The job ends while the hub is dead; its file waits, and the first attempt completes."""
    hub = await fleet.start_hub()
    place = urlsplit(hub.url)
    assert place.port is not None
    (worker,) = await fleet.start("w", lease=PLENTY, SERVICES="simulation", HUB_WS_URL=f"ws://{place.netloc}")
    hub.kill()
    made = {"service": "simulation", "payload": {"duration": 0.1, "outputs": 1, "size": 3_000_000}}
    job, later = [await submit(store, **made) for _ in range(2)]
    await eventually(lambda: worker.said("files.unavailable"), "the worker misses the hub")
    assert await is_in(store, later, JobState.PENDING)
    fleet.launch_hub(port=place.port)

    async def is_done() -> bool:
        return await is_in(store, job, JobState.COMPLETED) and await is_in(store, later, JobState.COMPLETED)

    await eventually(is_done, "both jobs complete")
    found = await store.inspector.jobs_by_id([job, later])
    assert [(each.attempt, each.failures, each.releases) for each in found] == [(1, 0, 0), (1, 0, 0)]
