"""index_jobs: lists jobs for filters; what is damaged is left out."""

from emp_core.store import Store
from tests.support.builders import register, submit
from tests.support.snapshot import Look


async def test_jobs_are_listed_by_class_workflow_and_worker(store: Store, look: Look) -> None:
    worker = await register(store)
    job = await submit(store, workflow_id="w")
    await worker.complete(await worker.take())
    lists = (f"class.jobs:{look().job(job)['class']}", "workflow.jobs:w", f"worker.jobs:{worker.id}", "workers.named")
    for name in lists:
        await store.link.call("DEL", store.link.key(name))
    for _ in range(2):
        assert await store.link.run("index_jobs", [(job,), ("nobody",)]) == 1
    created = float(look().job(job)["created"])
    assert [look().scores(name) for name in lists[:3]] == [{job: created}] * 3
    assert look().members("workers.named") == {worker.id}


async def test_a_damaged_job_is_left_out(store: Store) -> None:
    job = await submit(store)
    spec = await store.link.call("HGET", store.link.key(f"job:{job}"), "spec")
    await store.link.call("HSET", store.link.key(f"job:{job}"), "spec", "x")
    assert await store.link.run("index_jobs", [(job,)]) == 0
    await store.link.call("HSET", store.link.key(f"job:{job}"), "spec", spec)
