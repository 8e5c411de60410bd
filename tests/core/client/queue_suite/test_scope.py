"""I13 scopeOf(customer): for a caller of one customer the jobs of others do not exist."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from emp_core.client.queue import Queue, Submitted
from emp_core.domain.caller import Caller, Role
from emp_core.domain.filter import EVERY_JOB, parse
from emp_core.domain.job import JobRequest
from emp_core.domain.outcome import Blame
from emp_core.domain.worker import WorkerState
from emp_core.errors import Conflict, Forbidden, NotFound
from emp_core.store import Store
from tests.core.client.queue_suite.conftest import seen_by
from tests.core.client.queue_suite.test_jobs import LARGE, submit
from tests.support.builders import make_request, register

Call = Callable[[Queue, str], Awaitable[object]]


async def _chunks() -> Any:
    yield b"picture"


async def _deleted(queue: Queue, job_id: str) -> None:
    answer = (await queue.delete([job_id]))[job_id]
    assert answer is not None
    raise answer


async def _moved(queue: Queue, job_id: str) -> None:
    answer = (await queue.set_priority([job_id], 1))[job_id]
    assert answer is not None
    raise answer


CALLS: Mapping[str, Call] = {
    "resolve": lambda queue, job: queue.resolve(job),
    "find": lambda queue, job: queue.find(job[:5]),
    "job": lambda queue, job: queue.job(job),
    "explain": lambda queue, job: queue.explain(job),
    "payload": lambda queue, job: queue.payload(job),
    "open_payload": lambda queue, job: queue.open_payload(job),
    "outcome": lambda queue, job: queue.outcome(job),
    "log": lambda queue, job: queue.log(job),
    "attempts": lambda queue, job: queue.attempts(job),
    "watch_preview": lambda queue, job: queue.watch_preview(job),
    "preview_of": lambda queue, job: queue.preview_of(job),
    "list_files": lambda queue, job: queue.list_files(job),
    "file": lambda queue, job: queue.file(f"{job}/1/1"),
    "open_file": lambda queue, job: queue.open_file(f"{job}/1/1"),
    "cancel": lambda queue, job: queue.cancel(job),
    "retry": lambda queue, job: queue.retry(job),
    "hold": lambda queue, job: queue.hold(job),
    "unhold": lambda queue, job: queue.unhold(job),
    "requeue": lambda queue, job: queue.requeue(job),
    "set_priority": _moved,
    "delete": _deleted,
}


@pytest.mark.parametrize("customer", ["acme", None])
@pytest.mark.parametrize("name", CALLS)
async def test_job_of_another_customer_is_not_found(queue: Queue, name: str, customer: str | None) -> None:
    made = await queue.put_input("order-1", "in.png", _chunks(), media_type="image/png")
    await submit(queue, id="order-1", customer_id=customer, payload=LARGE)
    assert made.id == "order-1/1/1"
    with pytest.raises(NotFound):
        await CALLS[name](seen_by(queue, Role.OPERATOR, "other"), "order-1")
    assert (await queue.job("order-1")).state == "pending"


async def test_lists_show_own_jobs_only(queue: Queue) -> None:
    await submit(queue, id="theirs", customer_id="acme")
    await submit(queue, id="nobodys")
    await submit(queue, id="own", customer_id="other")
    scoped = seen_by(queue, Role.CLIENT, "other")
    ids = ["theirs", "nobodys", "own"]
    assert [job.id for job in (await scoped.jobs(EVERY_JOB, limit=10)).jobs] == ["own"]
    for text in ("customer:acme", "id:theirs", "status:pending -customer:other"):
        page = await scoped.jobs(parse(text), limit=10)
        assert (page.jobs, page.total or 0) == ((), 0)
    assert [job.id for job in await scoped.jobs_by_id(ids)] == ["own"]
    assert await scoped.known(ids) == {"own"}
    with pytest.raises(NotFound):
        await scoped.more_of(await queue.job("theirs"))


async def test_prefix_finds_the_own_job_among_those_of_others(queue: Queue) -> None:
    for number in range(8):
        await submit(queue, id=f"order-{number}", customer_id="acme")
    await submit(queue, id="order-9", customer_id="other")
    assert await seen_by(queue, Role.CLIENT, "other").resolve("order") == "order-9"


async def test_deleted_job_of_another_customer_never_was(queue: Queue) -> None:
    for customer in ("acme", "other"):
        await queue.cancel(await submit(queue, id=customer, customer_id=customer))
    await queue.delete(["acme", "other"])
    assert await seen_by(queue, Role.CLIENT, "other").deleted(["acme", "other"]) == {"other"}
    assert await queue.deleted(["acme", "other"]) == {"acme", "other"}


async def test_events_of_others_are_neither_listed_nor_watched(queue: Queue, store: Store) -> None:
    await register(store)
    scoped = seen_by(queue, Role.CLIENT, "other")
    async with scoped.watch() as watch:
        await submit(queue, id="theirs", customer_id="acme")
        await submit(queue, id="own", customer_id="other")
        heard: list[str] = []
        while "own" not in heard:
            heard += [event.job for event in (await watch.next()).events]
    assert heard == ["own"]
    assert [event.job for event in await scoped.recent_events(1)] == ["own"]
    for number in range(3):
        await submit(queue, id=f"more-{number}", customer_id="acme")
    assert [event.job for event in await scoped.recent_events(1)] == ["own"]
    assert await scoped.events_of("theirs") == []


async def test_workers_name_own_jobs_only_and_the_number_of_busy_slots(queue: Queue, store: Store) -> None:
    worker = await register(store, slots=3)
    for name in ("theirs", "own", "broken"):
        await submit(queue, id=name, customer_id="acme" if name != "own" else "other")
        claim = await worker.take()
    await worker.fail(claim, blame=Blame.WORKER)
    scoped = seen_by(queue, Role.CLIENT, "other")
    for shown in [*await scoped.workers(), await scoped.worker(worker.id)]:
        assert sorted(shown.active) == ["-", "own"]
        assert shown.last_failure is None
    assert (await queue.worker(worker.id)).last_failure is not None


async def test_explanation_counts_the_slots_that_others_take_and_does_not_name_them(queue: Queue, store: Store) -> None:
    worker = await register(store, slots=2, info={"max_customers": 1})
    await submit(queue, customer_id="acme")
    await worker.take()
    await submit(queue, id="own", customer_id="other")
    (standing,) = (await seen_by(queue, Role.CLIENT, "other").explain("own")).standings
    assert standing.reason == "at its limit of customers: it runs jobs of other-1"
    assert standing.worker.active == ("-",)


@pytest.mark.parametrize(
    "name",
    [
        *("summary", "trend", "classes", "demand", "workflows", "limits"),
        *("explain_worker", "steer", "set_limit", "workflow"),
    ],
)
async def test_what_concerns_all_customers_is_forbidden(queue: Queue, store: Store, name: str) -> None:
    await register(store)
    scoped = seen_by(queue, Role.OPERATOR, "other")
    calls: Mapping[str, Callable[[], Awaitable[object]]] = {
        "summary": scoped.summary,
        "trend": lambda: scoped.trend(5),
        "classes": scoped.classes,
        "demand": scoped.demand,
        "workflows": scoped.workflows,
        "limits": scoped.limits,
        "explain_worker": lambda: scoped.explain_worker("gpu1:0"),
        "steer": lambda: scoped.steer("gpu1:0", WorkerState.PAUSED),
        "set_limit": lambda: scoped.set_limit("customer:other", 5),
        "workflow": lambda: scoped.set_workflow_priority("w", 5),
    }
    with pytest.raises(Forbidden, match="customer other may not"):
        await calls[name]()


async def test_submit_fills_in_the_own_customer_and_refuses_another(queue: Queue) -> None:
    scoped = seen_by(queue, Role.CLIENT, "other")
    own, wrong, last = await scoped.submit_many(
        [make_request(id="own"), make_request(customer_id="acme"), make_request(customer_id="other")]
    )
    assert isinstance(wrong, Forbidden)
    assert [type(own), type(last)] == [Submitted, Submitted]
    job = await queue.job("own")
    assert (job.customer_id, job.requirements.customer_id) == ("other", "other")
    assert (await scoped.preview(make_request())).job.customer_id == "other"
    with pytest.raises(Forbidden):
        await scoped.preview(make_request(customer_id="acme"))


@pytest.mark.parametrize("customer", ["acme", None])
@pytest.mark.parametrize("payload", [{}, LARGE], ids=["small", "large"])
async def test_same_request_under_another_customers_id_is_a_conflict_that_says_no_more(
    queue: Queue, customer: str | None, payload: dict[str, str]
) -> None:
    request: JobRequest = make_request(id="order-1", payload=payload)
    theirs = queue if customer is None else seen_by(queue, Role.CLIENT, customer)
    await theirs.submit_many([request])
    scoped = seen_by(queue, Role.CLIENT, "other")
    (answer,) = await scoped.submit_many([request])
    assert isinstance(answer, Conflict)
    assert "pending" not in answer.message
    assert await scoped.known(["order-1"]) == set()


async def test_own_request_repeated_is_the_same_job(queue: Queue) -> None:
    scoped = seen_by(queue, Role.CLIENT, "other")
    request = make_request(id="order-1")
    await scoped.submit_many([request])
    (again,) = await scoped.submit_many([request])
    assert isinstance(again, Submitted)
    assert again.repeated


async def test_idempotency_key_belongs_to_its_customer(queue: Queue) -> None:
    request = make_request(idempotency_key="k")
    answers = [(await seen_by(queue, Role.CLIENT, name).submit_many([request]))[0] for name in ("acme", "other")]
    assert [answer.repeated for answer in answers if isinstance(answer, Submitted)] == [False, False]


async def test_parent_of_another_customer_is_not_there(queue: Queue) -> None:
    await submit(queue, id="theirs", customer_id="acme")
    scoped = seen_by(queue, Role.CLIENT, "other")
    explanation = await scoped.preview(make_request(depends_on=["theirs"]))
    never = await scoped.preview(make_request(depends_on=["nobody"]))
    assert [reason.text.replace("theirs", "nobody") for reason in explanation.reasons] == [
        reason.text for reason in never.reasons
    ]


@pytest.mark.parametrize("deleted", [False, True])
async def test_files_are_not_stored_under_another_customers_id(queue: Queue, deleted: bool) -> None:
    await submit(queue, id="theirs", customer_id="acme")
    if deleted:
        await queue.cancel("theirs")
        await queue.delete(["theirs"])
    scoped = seen_by(queue, Role.CLIENT, "other")
    with pytest.raises(Conflict):
        await scoped.put_input("theirs", "in.png", _chunks(), media_type="image/png")
    with pytest.raises(Conflict):
        await scoped.put_payload("theirs", b"{}")
    await scoped.put_payload("own", b"{}")


async def test_caller_of_all_customers_sees_all_jobs(queue: Queue) -> None:
    await submit(queue, id="theirs", customer_id="acme")
    client = queue.for_caller(Caller(role=Role.CLIENT, actor="token", request_id="r"))
    assert await client.cancel("theirs") == "cancelled"
