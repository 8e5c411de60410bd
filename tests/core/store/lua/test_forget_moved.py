"""forget_moved: T23, a job that another queue has is forgotten."""

from emp_core.domain.job import JobRequest
from emp_core.errors import DeletedId
from emp_core.store import Store, WaitingJob
from emp_core.store.server import SCHEMA
from tests.support.builders import make_request, submit
from tests.support.snapshot import Look


async def keep_back(store: Store, *jobs: str) -> None:
    await store.transfers.keep_back(jobs, "other", "")


def asked() -> JobRequest:
    return make_request(id="a", customer_id="acme", labels={"batch": "42"}, workflow_id="w", idempotency_key="once")


async def test_t23_its_id_says_for_a_day_where_it_is(store: Store, look: Look) -> None:
    await store.broker.submit(asked())
    await keep_back(store, "a")
    for _ in range(2):
        await store.transfers.forget(["a"], "to other", "redis://new", "")
    assert look().jobs() == {}
    assert await store.link.call("GET", store.link.key("job.gone:a")) == b"moved:redis://new acme"
    again = await store.broker.submit(asked())
    assert (again.id, again.state, again.repeated) == ("a", "deleted", True)
    (refused,) = await store.broker.submit_many([make_request(id="a")])
    assert isinstance(refused, DeletedId)


async def test_t23_a_job_that_never_was_here_leaves_nothing(store: Store, look: Look) -> None:
    await store.broker.submit(asked())
    found = (await store.transfers.read(["a"]))["a"]
    assert isinstance(found, WaitingJob)
    await store.link.client.flushall()
    await store.link.call("SET", store.link.key("schema"), SCHEMA)
    await store.transfers.store([found], moved_from="other")
    await store.transfers.forget(["a"], "from other", "", "")
    assert {name for name in look().entries if name.startswith(("job", "idempotency", "moving", "label"))} == set()


async def test_t23_only_a_job_with_that_mark(store: Store, look: Look) -> None:
    job = await submit(store)
    await store.transfers.forget([job], "to other", "new", "")
    await keep_back(store, job)
    await store.transfers.forget([job], "from other", "", "")
    assert list(look().jobs()) == [job]
    await store.transfers.release([job], "to other", "")
