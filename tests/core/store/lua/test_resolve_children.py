"""resolve_children: T18, of which the end of a parent does the first hundred."""

from typing import Any

import pytest

from emp_core.domain.outcome import Result
from emp_core.domain.policy import POLICY
from emp_core.errors import EmpError
from emp_core.store import Store, completed
from tests.support.builders import make_request, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import expire, reap


async def _children(store: Store, parent: str, count: int, **changes: Any) -> list[str]:
    requests = [make_request(depends_on=[parent], **changes) for _ in range(count)]
    return [job.id for job in await store.broker.submit_many(requests) if not isinstance(job, EmpError)]


async def test_t18_the_end_of_the_last_parent_unblocks(store: Store, look: Look) -> None:
    worker = await register(store)
    parents = [await submit(store), await submit(store)]
    child = await submit(store, depends_on=parents)
    await worker.complete(await worker.take())
    assert look().job(child)["state"] == "blocked"
    await worker.complete(await worker.take())
    assert look().job(child)["state"] == "pending"
    assert look().event_names(child) == ["blocked", "unblocked"]


async def test_t18_its_place_is_that_of_its_submit(store: Store) -> None:
    worker = await register(store)
    parent = await submit(store)
    child = await submit(store, depends_on=[parent])
    later = await submit(store)
    assert await worker.drain() == [parent, child, later]


async def test_t18_it_wakes_a_worker(store: Store) -> None:
    worker, idle = await register(store), await register(store, "gpu2:0")
    parent = await submit(store)
    await submit(store, depends_on=[parent])
    claim = await worker.take()
    assert await idle.claim() is None
    await worker.complete(claim)
    assert len(await idle.tokens()) == 1


async def test_t18_one_that_is_not_due_waits_on(store: Store, look: Look) -> None:
    parent = await submit(store)
    child = await submit(store, depends_on=[parent], run_at=4_000_000_000_000)
    await (await register(store)).drain()
    assert look().job(child)["state"] == "delayed"
    assert look().scores("delayed") == {child: 4_000_000_000_000}


async def test_t18_the_queue_time_counts_from_the_unblocking(store: Store, look: Look) -> None:
    parent = await submit(store)
    child = await submit(store, depends_on=[parent], queue_ttl_seconds=100)
    assert child not in look().scores("expiry")
    worker = await register(store)
    claim = await worker.take()
    before = await store.inspector.now_ms()
    await worker.complete(claim)
    after = await store.inspector.now_ms()
    assert before <= look().scores("expiry")[child] - 100_000 <= after


@pytest.mark.parametrize("how", ["cancelled", "failed", "expired"])
async def test_t18_a_parent_that_did_not_complete_fails_its_children(store: Store, look: Look, how: str) -> None:
    worker = await register(store)
    parent = await submit(store)
    child = await submit(store, depends_on=[parent])
    if how == "cancelled":
        await store.broker.cancel(parent)
    elif how == "failed":
        await worker.fail(await worker.take(), retryable=False)
    else:
        await expire(store, parent)
        await reap(store)
    assert (look().job(child)["state"], look().job(child)["code"]) == ("failed", "dependency")
    assert look().event_names(child) == ["blocked", "failed"]


async def test_t18_run_takes_any_end(store: Store, look: Look) -> None:
    parent = await submit(store)
    child = await submit(store, depends_on=[parent], on_dependency_failure="run")
    await store.broker.cancel(parent)
    assert look().job(child)["state"] == "pending"


async def test_t18_a_failure_goes_down_the_generations(store: Store, look: Look) -> None:
    line = [await submit(store)]
    for _ in range(10):
        line.append(await submit(store, depends_on=[line[-1]]))
    await store.broker.cancel(line[0])
    found = look()
    assert {found.job(job)["code"] for job in line[1:]} == {"dependency"}


async def test_t18_the_first_hundred_at_once_the_rest_is_a_chore(store: Store, look: Look) -> None:
    worker = await register(store)
    parent = await submit(store)
    children = await _children(store, parent, 250)
    await worker.complete(await worker.take())
    assert look().fields("counts")["pending"] == str(POLICY.children_inline)
    assert look().fields("resolving") == {f"{parent}/0": "completed"}
    assert await store.upkeep.resolve_children(batch=100) == 1
    assert await store.upkeep.resolve_children(batch=100) == 0
    found = look()
    assert found.fields("resolving") == {}
    assert {found.job(job)["state"] for job in children} == {"pending"}


async def test_t18_children_of_a_parent_that_is_deleted_follow_its_end(store: Store, look: Look) -> None:
    parent = await submit(store)
    children = await _children(store, parent, 250)
    await store.broker.cancel(parent)
    assert await store.upkeep.delete([parent]) == [parent]
    while await store.upkeep.resolve_children():
        pass
    found = look()
    assert {found.job(job)["code"] for job in children} == {"dependency"}


async def test_t14_children_follow_the_generation_that_they_were_submitted_to(store: Store, look: Look) -> None:
    """Also where the parent is retried twice before a chore has come to the children of its first end."""
    worker = await register(store)
    parent = await submit(store)
    first = await _children(store, parent, POLICY.children_inline + 20)
    await store.broker.cancel(parent)
    await store.broker.retry(parent)
    second = await _children(store, parent, POLICY.children_inline + 20)
    await store.broker.cancel(parent)
    await store.broker.retry(parent)
    third = await _children(store, parent, POLICY.children_inline + 20)
    assert look().fields("resolving") == {f"{parent}/0": "cancelled", f"{parent}/1": "cancelled"}
    await worker.complete(await worker.take())
    found = look()
    assert sum(found.job(child)["state"] == "pending" for child in third) == POLICY.children_inline
    while await store.upkeep.resolve_children():
        pass
    found = look()
    assert {found.job(child)["code"] for child in (*first, *second)} == {"dependency"}
    assert {found.job(child)["state"] for child in third} == {"pending"}


async def test_t14_one_late_child_of_a_retried_parent_is_not_failed_by_the_chore(store: Store, look: Look) -> None:
    parent = await submit(store)
    await _children(store, parent, POLICY.children_inline + 1)
    await store.broker.cancel(parent)
    await store.broker.retry(parent)
    late = await submit(store, depends_on=[parent])
    while await store.upkeep.resolve_children():
        pass
    assert look().job(late)["state"] == "blocked"
    assert await (await register(store)).drain() == [parent, late]


async def test_t18_the_first_hundred_of_all_parents_that_end_in_one_call(store: Store, look: Look) -> None:
    worker = await register(store)
    parents = [await submit(store) for _ in range(2)]
    for parent in parents:
        await _children(store, parent, 80)
    claims = (await worker.turn(claims=2)).claimed
    await worker.turn(*(completed(claim, Result()) for claim in claims))
    assert look().fields("counts")["pending"] == str(POLICY.children_inline)
    assert await store.upkeep.resolve_children(batch=100) == 0
    assert look().fields("counts")["pending"] == "160"


async def test_t18_a_cascade_over_the_budget_goes_on_where_it_stopped(store: Store, look: Look) -> None:
    """A wide generation whose members have children of their own: more than one call may end."""
    top = await submit(store)
    middle = await _children(store, top, 80)
    bottom = [job for parent in middle[:60] for job in await _children(store, parent, 2)]
    await store.broker.cancel(top)
    found = look()
    assert len(found.scores("jobs:failed")) == POLICY.children_inline
    assert len(found.fields("resolving")) > 1
    rounds = 0
    while await store.upkeep.resolve_children(batch=20):
        rounds += 1
        assert rounds < 50
    found = look()
    assert {found.job(job)["code"] for job in (*middle, *bottom)} == {"dependency"}


async def test_t18_a_child_that_was_deleted_is_passed_over(store: Store, look: Look) -> None:
    parent = await submit(store)
    child = await submit(store, depends_on=[parent])
    await store.broker.cancel(child)
    await store.upkeep.delete([child])
    assert await (await register(store)).drain() == [parent]
    assert f"job.children:{parent}" not in look().entries
