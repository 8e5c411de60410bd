"""export_jobs: a waiting job as another queue can store it."""

import pytest

from emp_core.store import Stays, Store, WaitingJob
from tests.support.builders import register, submit
from tests.support.snapshot import Look


async def test_waiting_jobs_come_with_what_they_wait_for(store: Store) -> None:
    await submit(store, id="parent", workflow_id="w")
    await submit(store, id="child", depends_on=["parent"])
    read = await store.transfers.read(["child", "parent"])
    child, parent = read["child"], read["parent"]
    assert isinstance(child, WaitingJob)
    assert isinstance(parent, WaitingJob)
    assert child.waits_for == ("parent",)
    assert child.body == b'{"payload":{"prompt":{}}}'
    assert parent.workflow is not None
    assert parent.workflow[2] == 1, "the next ordinal"


@pytest.mark.parametrize("state", ["active", "completed", "gone"])
async def test_job_that_does_not_wait_says_why(state: str, store: Store) -> None:
    worker = await register(store)
    job = await submit(store)
    if state != "active":
        await worker.drain()
    else:
        await worker.take()
    if state == "gone":
        await store.broker.delete([job])
    assert await store.transfers.read([job]) == {job: Stays(state)}


async def test_child_of_an_ended_parent_that_was_not_told_yet_is_resolving(store: Store) -> None:
    await submit(store, id="parent")
    for number in range(101):
        await submit(store, id=f"child-{number}", depends_on=["parent"])
    await store.broker.cancel("parent")
    read = await store.transfers.read([f"child-{number}" for number in range(101)])
    assert sorted(stays.why for stays in read.values() if isinstance(stays, Stays)) == ["failed"] * 100 + ["resolving"]
    await store.upkeep.resolve_children()


async def test_it_changes_nothing(store: Store, look: Look) -> None:
    job = await submit(store)
    before = {name: entry.value for name, entry in look().entries.items()}
    await store.transfers.read([job])
    assert {name: entry.value for name, entry in look().entries.items()} == before
