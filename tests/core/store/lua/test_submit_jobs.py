"""submit_jobs: T1 and T17, idempotency, places, limits."""

import asyncio
from typing import Any

import pytest

from emp_core.domain.json_text import load_json
from emp_core.domain.ordering import parts, score, tick_at
from emp_core.domain.worker import WorkerState
from emp_core.errors import Conflict, DeletedId, EmpError, InvalidInput, LimitExceeded
from emp_core.store import Link, Store, Submitted
from tests.support.builders import make_request, register, submit
from tests.support.redis_server import Server
from tests.support.snapshot import Look
from tests.support.time_travel import reap

HOUR = 3_600_000


async def test_t1_a_stored_job_is_pending_in_its_class_at_version_1(store: Store, look: Look) -> None:
    answer = await store.broker.submit(make_request(customer_id="acme"))
    found = look()
    job = found.job(answer.id)
    assert (answer.state, job["state"], job["ver"], job["customer"]) == ("pending", "pending", "1", "acme")
    assert found.scores(f"jobs:pending:{job['class']}") == {answer.id: float(job["score"])}
    assert found.scores("heads") == {job["class"]: float(job["score"])}
    assert found.fields("counts") == {"pending": "1"}
    assert found.event_names(answer.id) == ["submitted"]


async def test_t1_a_job_with_a_time_waits_for_it(store: Store, look: Look) -> None:
    due = await store.inspector.now_ms() + HOUR
    job = await submit(store, run_at=due)
    found = look()
    assert found.job(job)["state"] == "delayed"
    assert found.scores("delayed") == {job: due}
    assert parts(int(found.job(job)["score"])) == (50, tick_at(due))


async def test_t1_a_time_that_has_passed_is_now(store: Store, look: Look) -> None:
    first, late = await submit(store), await submit(store, run_at=await store.inspector.now_ms() - HOUR)
    assert look().job(late)["state"] == "pending"
    assert int(look().job(late)["score"]) < int(look().job(first)["score"])


async def test_the_order_of_submission_holds_within_a_millisecond(store: Store, look: Look) -> None:
    jobs = await store.broker.submit_many([make_request() for _ in range(100)])
    found = look()
    places = [int(found.job(job.id)["score"]) for job in jobs if not isinstance(job, EmpError)]
    assert len(set(places)) == 100
    assert places == sorted(places, reverse=True)


async def test_the_place_is_that_of_the_domain(store: Store, look: Look) -> None:
    before = await store.inspector.now_ms()
    job = await submit(store, priority=73)
    priority, tick = parts(int(look().job(job)["score"]))
    assert priority == 73
    assert tick_at(before) <= tick <= tick_at(await store.inspector.now_ms() + 1)
    assert int(look().job(job)["score"]) == score(priority, tick)


async def test_i12_the_same_key_and_body_is_the_same_job(store: Store, look: Look) -> None:
    request = make_request(idempotency_key="order 7", customer_id="acme")
    answers = await asyncio.gather(*(store.broker.submit(request) for _ in range(10)))
    assert len({answer.id for answer in answers}) == 1
    assert [answer.repeated for answer in answers].count(False) == 1
    assert look().fields("counts") == {"pending": "1"}


async def test_i12_the_same_key_with_another_body_is_a_conflict(store: Store) -> None:
    await submit(store, idempotency_key="k", payload={"seed": 1})
    with pytest.raises(Conflict):
        await submit(store, idempotency_key="k", payload={"seed": 2})


async def test_i12_keys_are_each_customers_own(store: Store) -> None:
    ids = {await submit(store, idempotency_key="k", customer_id=customer) for customer in ("a", "b", None)}
    assert len(ids) == 3


async def test_i12_the_same_id_is_the_same_job_or_a_conflict(store: Store) -> None:
    await submit(store, id="render-1")
    assert (await store.broker.submit(make_request(id="render-1"))).repeated
    with pytest.raises(Conflict):
        await submit(store, id="render-1", priority=80)


@pytest.mark.parametrize("named", [{"id": "render-1"}, {"idempotency_key": "k"}])
async def test_i12_a_repeated_submit_says_whether_a_worker_fits_now(store: Store, named: dict[str, str]) -> None:
    request = make_request(**named, requirements={"gpu_memory_gb": 80})
    answers = await store.broker.submit_many([request, request])
    assert [isinstance(each, Submitted) and (each.repeated, each.workable) for each in answers] == [
        (False, False),
        (True, False),
    ]
    await register(store, gpu_memory_gb=24)
    assert not (await store.broker.submit(request)).workable
    large = await register(store, "large", gpu_memory_gb=80)
    await store.upkeep.review_fleet()
    assert (await store.broker.submit(request)).workable
    await large.take()
    await store.registry.steer("large", WorkerState.STOPPED)
    await store.upkeep.review_fleet()
    again = await store.broker.submit(request)
    assert (again.repeated, again.state, again.workable) == (True, "active", True)


async def test_i12_of_a_batch_that_repeats_itself_both_lines_say_whether_a_worker_fits(store: Store) -> None:
    await register(store)
    request = make_request(id="render-1", requirements={"gpu_memory_gb": 80})
    answers = await store.broker.submit_many([request, request])
    assert [isinstance(each, Submitted) and each.workable for each in answers] == [False, False]


async def test_id_of_a_deleted_job_is_refused_as_deleted(store: Store) -> None:
    job = await submit(store, id="render-1", idempotency_key="k")
    await store.broker.cancel(job)
    await store.upkeep.delete([job])
    for changes in ({}, {"priority": 80}):
        with pytest.raises(DeletedId, match="job render-1 was deleted") as refused:
            await submit(store, id="render-1", **changes)
        assert refused.value.hint == "choose another id"
    again = await store.broker.submit(make_request(id="other", idempotency_key="k"))
    assert (again.id, again.state, again.repeated) == ("render-1", "deleted", True)


@pytest.mark.parametrize("name", ["id", "idempotency_key"])
async def test_i12_a_digest_of_the_earlier_version_still_tells_the_same_request(
    store: Store, server: Server, name: str
) -> None:
    request = make_request(priority=70, **{name: "render-1"})
    job = (await store.broker.submit(request)).id
    earlier = request.earlier_digest()
    spec = server.client.hget(store.link.key(f"job:{job}"), "spec").decode()
    server.client.hset(store.link.key(f"job:{job}"), "spec", f"{spec.rpartition(' ')[0]} {earlier}")
    if name == "idempotency_key":
        server.client.set(store.link.key("idempotency:/render-1"), f"{job} {earlier}")
    again = await store.broker.submit(request)
    assert (again.id, again.state, again.repeated) == (job, "pending", True)
    with pytest.raises(Conflict, match="another body"):
        await submit(store, priority=71, **{name: "render-1"})


async def test_a_lost_answer_makes_no_repetition_of_a_job_whose_id_was_drawn(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Link.run

    async def twice(link: Link, name: str, *records: Any, **arguments: Any) -> Any:
        await run(link, name, *records, **arguments)
        return await run(link, name, *records, **arguments)

    monkeypatch.setattr(Link, "run", twice)
    assert not (await store.broker.submit(make_request())).repeated
    assert (await store.broker.submit(make_request(id="given"))).repeated


async def test_a_full_queue_refuses_by_the_name_of_the_limit(store: Store, look: Look) -> None:
    store.broker.max_waiting = 2
    await submit(store)
    await submit(store, run_at=await store.inspector.now_ms() + HOUR)
    before = look().entries.keys()
    with pytest.raises(LimitExceeded) as refused:
        await submit(store)
    assert refused.value.limit == "max_pending_jobs"
    assert look().entries.keys() == before


async def test_a_batch_answers_line_by_line(store: Store, look: Look) -> None:
    large = make_request(payload={"text": "x" * 2_000_000})
    answers = await store.broker.submit_many([make_request(), large, make_request(depends_on=["none"]), make_request()])
    kinds = [type(answer).__name__ for answer in answers]
    assert kinds == ["Submitted", "LimitExceeded", "InvalidInput", "Submitted"]
    assert look().fields("counts") == {"pending": "2"}


async def test_a_large_payload_is_spilled(store: Store, look: Look) -> None:
    spilled: dict[str, bytes] = {}

    async def spill(job_id: str, body: bytes) -> None:
        spilled[job_id] = body

    answer = await store.broker.submit(make_request(payload={"text": "x" * 2_000_000}), spill)
    assert len(spilled[answer.id]) > 2_000_000
    assert f"job.payload:{answer.id}" not in look().entries
    claim = await (await register(store)).take()
    assert claim.body is None


async def test_r45_a_payload_reaches_the_worker_byte_for_byte(store: Store) -> None:
    payload = {"seed": 2**64 + 1, "small": 0.1, "list": [], "map": {}, "text": "snow ☃ \u0000 \U0001f600", "n": None}
    request = make_request(payload=payload)
    await store.broker.submit(request)
    claim = await (await register(store)).take()
    assert claim.body == request.body_text()
    assert load_json(claim.body or b"") == {"payload": payload}


async def test_the_second_job_of_a_class_shares_it(store: Store, look: Look) -> None:
    first = await store.broker.submit(make_request())
    second = await store.broker.submit(make_request(priority=9, payload={"other": True}))
    found = look()
    assert found.job(first.id)["class"] == found.job(second.id)["class"]
    assert found.fields(f"class:{found.job(first.id)['class']}")["jobs"] == "2"


async def test_a_customers_jobs_are_a_class_of_their_own(store: Store, look: Look) -> None:
    await submit(store, customer_id="acme")
    await submit(store)
    classes = look().scores("classes")
    assert len(classes) == 2
    assert len(look().members("customer.classes:acme")) == 1


async def test_a_submit_says_whether_any_live_worker_fits(store: Store, look: Look) -> None:
    assert not (await store.broker.submit(make_request())).workable
    assert len(look().members("classes.unworkable")) == 1
    await register(store)
    assert (await store.broker.submit(make_request())).workable
    for _ in range(2):
        assert not (await store.broker.submit(make_request(requirements={"gpu_memory_gb": 80}))).workable
    assert len(look().members("classes.unworkable")) == 1


# T17: jobs that depend on others.


async def test_t17_a_job_waits_for_its_open_parents(store: Store, look: Look) -> None:
    parents = [await submit(store), await submit(store)]
    child = await submit(store, depends_on=parents)
    found = look()
    assert (found.job(child)["state"], found.job(child)["waits"]) == ("blocked", "2")
    assert [found.members(f"job.children:{parent}") for parent in parents] == [{child}, {child}]
    assert child in found.scores("blocked")


async def test_t17_a_parent_may_be_an_earlier_line_of_the_batch(store: Store) -> None:
    answers = await store.broker.submit_many([make_request(id="parent"), make_request(id="c", depends_on=["parent"])])
    assert [answer.state for answer in answers if not isinstance(answer, EmpError)] == ["pending", "blocked"]


async def test_t17_a_parent_must_exist_and_be_the_customers_own(store: Store, look: Look) -> None:
    foreign = await submit(store, customer_id="other")
    for parent in ("nobody", foreign):
        with pytest.raises(InvalidInput, match="depends_on"):
            await submit(store, depends_on=[parent], customer_id="acme")
    assert look().fields("counts") == {"pending": "1"}


async def test_t17_without_an_open_parent_it_goes_on_at_once(store: Store, look: Look) -> None:
    parent = await submit(store)
    worker = await register(store)
    await worker.complete(await worker.take())
    child = await store.broker.submit(make_request(depends_on=[parent]))
    assert child.state == "pending"


@pytest.mark.parametrize(("policy", "state"), [("fail", "failed"), ("run", "pending")])
async def test_t17_t18_a_parent_that_failed_before(store: Store, look: Look, policy: str, state: str) -> None:
    parent = await submit(store)
    await store.broker.cancel(parent)
    child = await store.broker.submit(make_request(depends_on=[parent], on_dependency_failure=policy))
    assert child.state == state
    assert look().job(child.id).get("code", "dependency") == "dependency"


async def test_t17_t18_one_parent_failed_before_and_one_is_open(store: Store, look: Look) -> None:
    ended, still_open = await submit(store), await submit(store)
    await store.broker.cancel(ended)
    child = await store.broker.submit(make_request(depends_on=[ended, still_open]))
    assert child.state == "failed"
    assert look().job(child.id)["code"] == "dependency"
    assert look().event_names(child.id) == ["failed"]


# Workflows.


async def test_a_workflows_first_job_fixes_priority_and_place(store: Store, look: Look) -> None:
    first = await submit(store, workflow_id="w", priority=70)
    between = await submit(store, priority=70)
    second = await submit(store, workflow_id="w", priority=5)
    places = {name: int(look().job(name)["score"]) for name in (first, between, second)}
    assert parts(places[second]) == (70, parts(places[first])[1] + 1)
    assert sorted(places, key=lambda name: -places[name]) == [first, second, between]
    created = {name: float(look().job(name)["created"]) for name in (first, second)}
    assert look().scores("workflow.jobs:w") == created


@pytest.mark.parametrize(("age_ms", "kept_ms"), [(HOUR // 2, HOUR // 2), (10 * HOUR, HOUR), (-HOUR, 0)])
async def test_a_workflow_may_claim_an_age_of_an_hour(store: Store, look: Look, age_ms: int, kept_ms: int) -> None:
    before = await store.inspector.now_ms()
    job = await submit(store, workflow_id="w", workflow_datetime=before - age_ms)
    after = await store.inspector.now_ms() + 1
    _, tick = parts(int(look().job(job)["score"]))
    assert tick_at(before - kept_ms) <= tick <= tick_at(after - kept_ms)


async def test_a_workflow_beyond_the_last_place_keeps_its_priority(store: Store) -> None:
    """The places of time end in 2094."""
    jobs = [await submit(store, workflow_id="w", run_at=4_102_444_800_000, priority=50)]
    jobs += [await submit(store, workflow_id="w") for _ in range(2)]
    assert [(await store.inspector.job(job)).priority for job in jobs] == [50] * 3


async def test_a_workflow_is_forgotten_with_its_last_job(store: Store, look: Look) -> None:
    jobs = [await submit(store, workflow_id="w") for _ in range(2)]
    for job in jobs:
        await store.broker.cancel(job)
    await store.upkeep.delete(jobs[:1])
    assert look().fields("workflow:w")["jobs"] == "1"
    await store.upkeep.delete(jobs[1:])
    assert "workflow:w" not in look().entries


async def test_queue_ttl_counts_from_the_due_time(store: Store, look: Look) -> None:
    due = await store.inspector.now_ms() + HOUR
    job = await submit(store, run_at=due, queue_ttl_seconds=10)
    assert look().scores("expiry") == {job: due + 10_000}
    assert await reap(store) == 0
