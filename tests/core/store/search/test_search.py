"""A search finds what the filter matches, each job once, page by page, in the order that is promised."""

import itertools
import random
from typing import Any

import pytest

from emp_core.domain.filter import Filter, parse
from emp_core.domain.job import Job
from emp_core.domain.states import JobState
from emp_core.domain.worker import WorkerState
from emp_core.errors import EmpError, InvalidInput
from emp_core.store import Page, Store
from emp_core.store.search import planning
from tests.core.store.search.queues import SOON, fill
from tests.support.builders import make_request, register, submit

FILTERS = (
    "",
    "status:pending",
    "status:active,failed",
    "status:delayed",
    "status:held",
    "-status:held",
    "status:completed,cancelled",
    "held:yes",
    "-held:yes status:delayed,pending",
    "unworkable:yes",
    "unworkable:yes service:a1111",
    "unworkable:no customer:acme",
    "customer:acme",
    "customer:acme,rare status:failed",
    "customer:acme -customer:acme",
    "customer:nobody",
    "-customer:*",
    "customer:a*",
    "service:a1111",
    "-service:a1111 status:pending",
    "gpu>=16",
    "gpu>=16 customer:zoo status:pending,delayed",
    "workflow:film",
    "workflow:film,clip service:comfyui",
    "workflow:f*",
    "label.batch:1",
    'label.batch:1,"2 = b" status:pending',
    "label.batch:* customer:acme",
    "label.user:ada -label.batch:1 worker:gpu1:0",
    "-label.user:*",
    "key:key-*",
    "error:broke",
    "worker:gpu1:0",
    "worker:gpu* status:completed",
    "worker:gpu1:0,gpu2:0 -worker:gpu2*",
    "-worker:*",
    "priority>50",
    "priority>50 customer:acme",
    "attempt>0 status:pending",
    "code:oom",
    "age>0s",
    "age<1h customer:acme",
    "age>1h",
    "ended<1h",
    "ended<1h customer:acme",
    "status:failed ended>1h",
    "id:a0",
    "id:a001,b001",
    "id:a001 id:a001-1,a001-2,a001-12 status:pending",
    "id:a001-1,a001",
)

UNLISTED = ("workflow:f*", "-label.user:*", "-worker:*", "id:a0")
"""No list finds these: they come in the order of the queue."""


async def _all(store: Store, wanted: Filter, limit: int) -> tuple[list[Job], list[Page]]:
    pages = [await store.search.page(wanted, limit=limit)]
    while pages[-1].cursor:
        pages.append(await store.search.page(wanted, limit=limit, after=pages[-1].cursor))
    return [job for page in pages for job in page.jobs], pages


async def test_every_filter_finds_what_it_matches_and_each_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await fill(store, seed=1, jobs=160)
    jobs = await store.inspector.jobs_by_id(ids)
    assert {job.state for job in jobs} >= set(JobState) - {JobState.BLOCKED, JobState.CANCELLING}
    now = await store.inspector.now_ms()
    dice = random.Random(5)
    for few, text in itertools.product((planning.FEW, 0), FILTERS):
        monkeypatch.setattr(planning, "FEW", few)  # so few jobs are gathered, more are read from the lists
        wanted = parse(text)
        matching = sorted(job.id for job in jobs if wanted.matches(job, now))
        # A page for each job of a long list would show no more than one of a short list.
        found, pages = await _all(store, wanted, dice.choice((1 if len(matching) < 20 else 7, 10, 1_000)))
        assert sorted(job.id for job in found) == matching, text
        assert {page.total for page in pages} <= {len(matching), None}, text
        assert all(page.complete and page.of is None for page in pages)
        if any(term.field in ("customer", "service", "gpu", "workflow", "worker", "id") for term in wanted.terms):
            times = [job.created_at for job in found]
            assert times == sorted(times, reverse=True) or text in UNLISTED, text


async def test_the_waiting_are_listed_in_the_order_of_their_claims(store: Store) -> None:
    worker = await register(store, gpu_memory_gb=96)
    dice = random.Random(3)
    for _ in range(150):
        await submit(store, priority=dice.randrange(4), requirements={"gpu_memory_gb": dice.randrange(1, 30)})
    found, _ = await _all(store, Filter.of(status="pending"), 40)
    assert [job.id for job in found] == await worker.drain()


async def test_avoided_and_parked_jobs_stand_in_their_place(store: Store) -> None:
    one, _ = await register(store), await register(store, "gpu2:0")
    returned = await submit(store, priority=60)
    await one.release(await one.take())
    await store.broker.set_limit("customer:acme", 1)
    running = await submit(store, priority=90, customer_id="acme")
    parked = await submit(store, priority=80, customer_id="acme")
    await one.take()
    assert await one.claim() is None
    plain = await submit(store, priority=70)
    page = await store.search.page(Filter.of(status="pending"))
    assert [job.id for job in page.jobs] == [parked, plain, returned]
    assert running not in {job.id for job in page.jobs}


async def test_running_then_waiting_then_ended_the_newest_first(store: Store) -> None:
    worker = await register(store)
    done = [await submit(store) for _ in range(2)]
    for number in range(2):
        await worker.complete(await worker.take())
        await store.link.call("ZADD", store.link.key("jobs:completed"), number + 1, done[number])
    active = await submit(store)
    await worker.take()
    pending, later = await submit(store), await submit(store, run_at=SOON)
    blocked = await submit(store, depends_on=[pending])
    page = await store.search.page()
    assert [job.id for job in page.jobs] == [active, pending, later, blocked, done[1], done[0]]
    assert (page.searched, page.total, page.cursor) == (6, 6, None)


async def test_running_jobs_are_listed_in_the_order_of_their_starts_whenever_they_beat(store: Store) -> None:
    worker = await register(store)
    for name in ("c", "a", "d", "b"):
        await submit(store, id=name)
    claims = {claim.job_id: claim for claim in [await worker.take() for _ in range(4)]}
    for name in ("a", "b"):  # started in the same millisecond: by id
        key = store.link.key(f"job:{name}")
        words = (await store.link.call("HGET", key, "claim")).decode().split()
        await store.link.call("HSET", key, "claim", " ".join([*words[:2], "1", words[3]]))
    await store.broker.cancel("d")
    wanted = Filter.of(status="active")
    for beating in ("a", "c", "b"):
        await worker.beat(claims[beating])
        page = await store.search.page(wanted)
        assert [job.id for job in page.jobs] == ["a", "b", "c", "d"]
    first = await store.search.page(wanted, limit=1)
    rest = await store.search.page(wanted, limit=2, after=first.cursor or "")
    assert [job.id for job in (*first.jobs, *rest.jobs)] == ["a", "b", "c"]


@pytest.mark.parametrize("state", list(JobState))
async def test_each_state_is_listed_alone(store: Store, state: JobState) -> None:
    worker = await register(store)
    for name in ("cancelling", "active", "failed", "completed"):
        job = await submit(store, priority=100)
        claim = await worker.take()
        if name == "cancelling":
            await store.broker.cancel(job)
        elif name == "failed":
            await worker.fail(claim, retryable=False)
        elif name == "completed":
            await worker.complete(claim)
    pending = await submit(store)
    await submit(store, run_at=SOON)
    held = await submit(store)
    await store.broker.hold(held)
    await submit(store, depends_on=[pending])
    await store.broker.cancel(await submit(store))
    page = await store.search.page(Filter.of(status=state))
    twice = state in (JobState.DELAYED, JobState.ACTIVE)
    assert {job.state for job in page.jobs} == ({state, JobState.CANCELLING} if state is JobState.ACTIVE else {state})
    assert (len(page.jobs), page.total) == (2 if twice else 1,) * 2


async def _submit_many(store: Store, count: int, **changes: Any) -> list[str]:
    answers = await store.broker.submit_many([make_request(**changes) for _ in range(count)])
    return [answer.id for answer in answers if not isinstance(answer, EmpError)]


async def test_pages_of_one_millisecond_show_each_job_once(store: Store) -> None:
    jobs = await _submit_many(store, 250, customer_id="acme")
    for limit in (7, 100):
        found, _ = await _all(store, Filter.of(customer="acme"), limit)
        assert sorted(job.id for job in found) == sorted(jobs)
        assert len({job.created_at for job in found}) < 100


async def test_a_job_that_matches_throughout_is_on_one_page_while_others_come_and_go(store: Store) -> None:
    worker = await register(store)
    stay = await _submit_many(store, 20, customer_id="acme", run_at=SOON)
    go = await _submit_many(store, 20, customer_id="acme")
    for text in ("customer:acme", "status:delayed,pending,active,completed"):
        found: list[str] = []
        cursor = ""
        while True:
            page = await store.search.page(parse(text), limit=4, after=cursor)
            found += [job.id for job in page.jobs]
            claim = await worker.claim()
            if claim:
                await worker.complete(claim)
            await submit(store, customer_id="acme")
            if len(found) > 4:
                await store.upkeep.delete([found[3]])
            cursor = page.cursor or ""
            if not cursor or len(found) > 200:
                break
        assert sorted(name for name in found if name in stay) == sorted(stay), text
        assert len(found) < 200
    assert go


async def test_a_rare_job_is_found_at_any_depth(store: Store) -> None:
    rare = await submit(store, customer_id="rare")
    await _submit_many(store, 2_500)
    for text in ("customer:rare", "customer:rare status:pending", "customer:rare -status:failed"):
        page = await store.search.page(parse(text), at_most=100)
        assert ([job.id for job in page.jobs], page.cursor, page.of) == ([rare], None, None)


async def test_a_state_is_found_among_many_jobs_of_a_customer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "FEW", 0)
    worker = await register(store)
    first = await submit(store, customer_id="acme")
    await worker.fail(await worker.take(), retryable=False)
    await _submit_many(store, 4_100, customer_id="acme")
    page = await store.search.page(parse("customer:acme status:failed"))
    assert [job.id for job in page.jobs] == [first]


async def test_a_search_that_no_list_serves_stops_at_its_limit_and_says_so(store: Store) -> None:
    await _submit_many(store, 300)
    low = await _submit_many(store, 10, priority=1)
    page = await store.search.page(parse("priority<10"), at_most=250)
    assert (page.jobs, page.searched, page.of) == ((), 250, 310)
    rest = await store.search.page(parse("priority<10"), at_most=250, after=page.cursor or "")
    assert [job.id for job in rest.jobs] == low
    assert (rest.searched, rest.of, rest.cursor) == (60, None, None)
    whole = await store.search.page(parse("priority<10"), at_most=None)
    assert ([job.id for job in whole.jobs], whole.of) == (low, None)
    exactly = await store.search.page(parse("priority<10"), at_most=310)
    assert (len(exactly.jobs), exactly.of, exactly.cursor) == (10, None, None)


async def test_totals_are_told_if_a_list_has_just_the_jobs_that_match(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _submit_many(store, 5, customer_id="acme", workflow_id="film")
    await _submit_many(store, 7, customer_id="zoo")
    by_status = {"": 12, "status:pending": 12, "status:failed": 0}
    by_list = {"customer:acme": 5, "workflow:film": 5}
    unknown = dict.fromkeys(("priority>10", "customer:zoo priority>10", "customer:zoo status:pending"))
    for few, wanted in ((planning.FEW, {**by_status, **dict.fromkeys(by_list)}), (0, {**by_status, **by_list})):
        monkeypatch.setattr(planning, "FEW", few)  # a few jobs are read and not counted
        for text, total in {**wanted, **unknown}.items():
            assert (await store.search.page(parse(text), limit=1)).total == total, text


@pytest.mark.parametrize(
    "cursor", ["x", "pending-1", "submitted--a", "pending-1-" + "a" * 200, "nowhere-1-a", "submitted-1-a"]
)
async def test_a_cursor_that_no_list_returned_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor"):
        await store.search.page(after=cursor)


async def test_jobs_of_a_forgotten_worker_are_found(store: Store) -> None:
    worker = await register(store, "old:0")
    job = await submit(store)
    await worker.complete(await worker.take())
    await store.registry.steer(worker.id, WorkerState.STOPPED)
    assert await store.upkeep.forget_workers(keep_ms=-1) == 1
    assert [each.id for each in (await store.search.page(parse("worker:old*"))).jobs] == [job]
    await store.upkeep.delete([job])
    assert await store.link.call("EXISTS", store.link.key("workers.named")) == 0


@pytest.mark.parametrize("limit", [1, 7, 1_000])
async def test_pending_jobs_of_more_classes_than_are_read_at_first_come_in_order(
    store: Store, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    dice = random.Random(limit)
    await store.broker.submit_many(
        [make_request(customer_id=f"c{dice.randrange(12)}", priority=dice.choice((40, 50))) for _ in range(60)]
    )
    whole, _ = await _all(store, parse("status:pending"), 1_000)
    monkeypatch.setattr("emp_core.store.search.front.HEADS_AT_FIRST", 3)
    found, _ = await _all(store, parse("status:pending"), limit)
    assert [job.id for job in found] == [job.id for job in whole]
    assert [job.score for job in whole] == sorted((job.score for job in whole), reverse=True)
    assert len(whole) == 60
