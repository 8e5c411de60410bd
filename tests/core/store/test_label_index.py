"""The index of jobs by their labels: written with the job, gone with it."""

import pytest

from emp_core.store import Store
from tests.support.builders import make_request, register, submit
from tests.support.snapshot import Look

LABELS = {"batch": "42", "user/name": "Ann = Ähn: {x}", "empty": ""}
KEYS = {"label.jobs:batch=42", "label.jobs:user/name=Ann = Ähn: {x}", "label.jobs:empty="}


def index(look: Look) -> dict[str, dict[str, float]]:
    found = look()
    return {name: found.scores(name) for name in found.entries if name.startswith("label.jobs:")}


async def test_job_is_listed_under_each_of_its_labels_by_its_creation(store: Store, look: Look) -> None:
    job = await submit(store, labels=LABELS)
    created = (await store.inspector.job(job)).created_at
    assert index(look) == {key: {job: created} for key in KEYS}


async def test_job_without_labels_is_in_no_index_and_stores_no_field(store: Store, look: Look) -> None:
    jobs = await store.broker.submit_many([make_request(), make_request(labels={}), make_request(labels=LABELS)])
    assert [len(members) for members in index(look).values()] == [1, 1, 1]
    assert ["labels" in job for job in look().jobs().values()].count(True) == 1
    assert len(jobs) == 3


async def test_repeated_submit_is_listed_once(store: Store, look: Look) -> None:
    request = make_request(id="render-1", labels=LABELS)
    await store.broker.submit_many([request, request])
    before = index(look)
    await store.broker.submit(request)
    assert index(look) == before


async def test_job_keeps_its_place_in_the_index_when_it_is_retried(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, labels=LABELS)
    before = index(look)
    await worker.fail(await worker.take(), retryable=False)
    await store.broker.retry(job)
    await worker.complete(await worker.take())
    assert index(look) == before


async def test_deleted_job_leaves_no_entry(store: Store, look: Look) -> None:
    first, second = await submit(store, labels=LABELS), await submit(store, labels={"batch": "42"})
    for job in (first, second):
        await store.broker.cancel(job)
    await store.upkeep.delete([first])
    assert {key: set(members) for key, members in index(look).items()} == {"label.jobs:batch=42": {second}}
    await store.upkeep.delete([second])
    assert index(look) == {}


async def test_child_that_fails_at_its_submit_is_listed_too(store: Store, look: Look) -> None:
    parent = await submit(store)
    await store.broker.cancel(parent)
    child = await store.broker.submit(make_request(depends_on=[parent], labels={"a": "1"}))
    assert child.state == "failed"
    assert index(look).keys() == {"label.jobs:a=1"}


@pytest.mark.damages
@pytest.mark.parametrize("damage", [("HDEL", "spec"), ("HSET", "claim", "x")])
async def test_damaged_job_that_is_deleted_leaves_no_entry(store: Store, look: Look, damage: tuple[str, ...]) -> None:
    job = await submit(store, labels=LABELS)
    command, *words = damage
    await store.link.call(command, store.link.key(f"job:{job}"), *words)
    assert await store.upkeep.delete([job]) == [job]
    assert index(look) == {}


@pytest.mark.damages
@pytest.mark.parametrize("damage", [("DEL",), ("SET", "broken")])
async def test_job_whose_labels_are_lost_leaves_entries_of_no_job(
    store: Store, look: Look, damage: tuple[str, ...]
) -> None:
    """The index alone cannot say which labels a job had, so its readers must skip ids without a job."""
    job = await submit(store, labels=LABELS)
    command, *words = damage
    await store.link.call(command, store.link.key(f"job:{job}"), *words)
    await store.upkeep.delete([job])
    assert index(look).keys() == KEYS
    assert await store.inspector.jobs_by_id([job]) == []
