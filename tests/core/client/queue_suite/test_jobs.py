"""Jobs go in, are read, and take orders."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from emp_core.client.queue import Queue, Submitted
from emp_core.domain.filter import EVERY_JOB
from emp_core.domain.json_text import load_json
from emp_core.errors import Conflict, EmpError, InvalidInput, NotFound, QueueUnavailable
from emp_core.store import Store
from tests.support.builders import make_request, register

LARGE = {"text": "x" * 2_000_000}


async def submit(queue: Queue, **changes: Any) -> str:
    (answer,) = await queue.submit_many([make_request(**changes)])
    assert isinstance(answer, Submitted), answer
    return answer.id


async def test_submit_answers_each_job_and_reads_find_it(queue: Queue) -> None:
    good, bad = await queue.submit_many([make_request(id="order-1"), make_request(depends_on=["nobody"])])
    assert (good, type(bad)) == (Submitted("order-1", "pending", workable=False), InvalidInput)
    assert await queue.resolve("orde") == "order-1"
    assert (await queue.find("orde")).id == (await queue.job("order-1")).id == "order-1"
    assert [job.id for job in await queue.jobs_by_id(["nobody", "order-1"])] == ["order-1"]
    assert [job.id for job in (await queue.jobs(EVERY_JOB, limit=10)).jobs] == ["order-1"]
    assert await queue.known(["nobody", "order-1"]) == {"order-1"}
    assert load_json(await queue.payload("order-1")) == {"payload": {"prompt": {}}}
    assert [event.name for event in await queue.events_of("order-1")] == ["submitted"]
    assert (await queue.explain("order-1")).job.id == "order-1"


async def test_repeated_submit_under_an_id_says_so_and_one_under_a_drawn_id_does_not(queue: Queue) -> None:
    request = make_request(id="order-1")
    first, again, drawn = await queue.submit_many([request, request, make_request()])
    assert [answer.repeated for answer in (first, again, drawn) if isinstance(answer, Submitted)] == [
        False,
        True,
        False,
    ]


async def test_large_payload_is_kept_as_a_file(queue: Queue) -> None:
    job_id = await submit(queue, payload=LARGE)
    assert load_json(await queue.payload(job_id)) == {"payload": LARGE}
    size, chunks = await queue.open_payload(job_id)
    assert len(b"".join([chunk async for chunk in chunks])) == size > 2_000_000


async def test_large_payload_of_a_refused_job_is_deleted_again(queue: Queue) -> None:
    first, again = await queue.submit_many(
        [make_request(payload=LARGE, idempotency_key="k"), make_request(payload=LARGE, idempotency_key="k")]
    )
    assert isinstance(first, Submitted)
    assert isinstance(again, Submitted)
    assert (again.id, again.repeated) == (first.id, True)
    assert load_json(await queue.payload(first.id)) == {"payload": LARGE}


async def test_submit_without_an_answer_in_time_names_the_jobs(
    queue: Queue, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.link.call("CLIENT", "PAUSE", 60_000, "WRITE")
    try:
        with pytest.raises(QueueUnavailable) as lost:
            await queue.submit_many([make_request(id="order-1"), make_request()], patience=0.05)
    finally:
        await store.link.call("CLIENT", "UNPAUSE")
    assert lost.value.job_ids[0] == "order-1"
    assert len(lost.value.job_ids) == 2


async def test_preview_stores_nothing(queue: Queue) -> None:
    assert (await queue.preview(make_request(priority=70))).job.priority == 70
    assert (await queue.jobs(EVERY_JOB, limit=10)).jobs == ()


async def test_outcome_log_and_attempts_of_a_job_that_ran(queue: Queue, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(queue)
    claim = await worker.take()
    assert await queue.holds(job_id, worker.id, claim.attempt, claim.nonce)
    await worker.report(claim, percent=50, lines=("one", "two"))
    await worker.fail(claim, retryable=False)
    outcome = await queue.outcome(job_id)
    assert outcome.value is not None
    assert outcome.value["message"] == "it broke"
    assert await queue.whole(outcome) == load_json(b"".join([chunk async for chunk in queue.as_json(outcome)]))
    assert await queue.log(job_id) == ["one", "two"]
    assert await queue.log(job_id, 1) == ["two"]
    assert [attempt.outcome for attempt in await queue.attempts(job_id)] == ["permanent"]
    more = await queue.more_of(await queue.job(job_id))
    assert (more.outcome, more.ahead_in_class) == (outcome.value, None)
    assert list(more.attempts) == await queue.attempts(job_id)
    assert more.body == await queue.payload(job_id)
    assert (await queue.more_of(await queue.job(job_id), body=False)).body is None


async def test_files_are_listed_and_opened(queue: Queue) -> None:
    async def chunks() -> Any:
        yield b"picture"

    queue.check_files()
    made = await queue.put_input("order-1", "in.png", chunks(), media_type="image/png")
    await submit(queue, id="order-1")
    assert await queue.list_files("order-1") == (made,)
    assert await queue.file(made.id) == made
    opened = await queue.open_file(made.id, start=1, end=4)
    assert b"".join([chunk async for chunk in opened]) == b"ict"


async def test_orders_move_a_job_through_its_states(queue: Queue, store: Store) -> None:
    worker = await register(store)
    job_id = await submit(queue)
    await queue.hold(job_id)
    assert (await queue.job(job_id)).held
    await queue.unhold(job_id)
    assert await queue.set_priority([job_id, "nobody"], 80) != {}
    assert (await queue.job(job_id)).priority == 80
    await worker.take()
    await queue.requeue(job_id)
    assert await queue.cancel(job_id) == "cancelled"
    await queue.retry(job_id)
    assert (await queue.job(job_id)).gen == 1


@pytest.mark.parametrize("verb", ["cancel", "retry", "hold", "unhold", "requeue"])
async def test_order_to_a_job_that_is_not_there_is_not_found(queue: Queue, verb: str) -> None:
    order: Callable[[str], Coroutine[Any, Any, object]] = getattr(queue, verb)
    with pytest.raises(NotFound):
        await order("nobody")


@pytest.mark.parametrize("verb", ["retry", "unhold", "requeue"])
async def test_order_that_the_state_forbids_is_a_conflict(queue: Queue, verb: str) -> None:
    order: Callable[[str], Coroutine[Any, Any, object]] = getattr(queue, verb)
    with pytest.raises(Conflict, match="it is pending"):
        await order(await submit(queue))


async def test_priority_answers_each_job(queue: Queue) -> None:
    ended, waiting = await submit(queue), await submit(queue)
    await queue.cancel(ended)
    answers = await queue.set_priority([ended, waiting, "nobody"], 90)
    assert [type(answers[name]) for name in (ended, waiting, "nobody")] == [Conflict, type(None), NotFound]


async def test_priority_of_a_workflow_moves_its_jobs_and_those_to_come(queue: Queue) -> None:
    ids = [await submit(queue, workflow_id="w") for _ in range(2)]
    assert await queue.set_workflow_priority("w", 70) == 2
    ids.append(await submit(queue, workflow_id="w"))
    assert [job.priority for job in await queue.jobs_by_id(ids)] == [70, 70, 70]


async def test_delete_forgets_ended_jobs_and_their_files(queue: Queue) -> None:
    ended, waiting = await submit(queue, payload=LARGE), await submit(queue)
    await queue.cancel(ended)
    answers: dict[str, EmpError | None] = await queue.delete([ended, waiting, "nobody"])
    assert [type(answers[name]) for name in (ended, waiting, "nobody")] == [type(None), Conflict, NotFound]
    assert await queue.known([ended, waiting]) == {waiting}
    assert await queue.deleted([ended, waiting]) == {ended}
    with pytest.raises(NotFound):
        await queue.open_payload(ended)
