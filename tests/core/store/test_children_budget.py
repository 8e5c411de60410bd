"""One call resolves at most `POLICY.children_inline` children (T18), whichever script ends however many parents."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from emp_core.domain.outcome import Failure, Result
from emp_core.domain.policy import POLICY
from emp_core.errors import EmpError
from emp_core.store import Claimed, Store, WaitingJob, completed, failed, released, stopped
from emp_core.store.function_library import function_names
from tests.support import time_travel
from tests.support.builders import WorkerDriver, make_request, register, submit
from tests.support.lua_reach import reached
from tests.support.snapshot import Look

PARENTS, CHILDREN = 6, 60
"""Any two parents have more children together than one call may resolve."""

Arrange = Callable[[Store], Awaitable[Callable[[], Awaitable[object]]]]
"""Makes parents with children, and returns the one call that ends the parents."""


async def _add_children(store: Store, *parents: str) -> None:
    requests = [make_request(depends_on=[parent]) for parent in parents for _ in range(CHILDREN)]
    answers = await store.broker.submit_many(requests)
    assert not [answer for answer in answers if isinstance(answer, EmpError)]


async def _waiting_parents(store: Store, count: int = PARENTS, **changes: object) -> list[str]:
    parents = [await submit(store, **changes) for _ in range(count)]
    await _add_children(store, *parents)
    return parents


async def _running_parents(
    store: Store, count: int = PARENTS, **changes: object
) -> tuple[WorkerDriver, tuple[Claimed, ...]]:
    worker = await register(store)
    await _waiting_parents(store, count, **changes)
    return worker, (await worker.turn(claims=count)).claimed


async def _lost_worker_returns(store: Store) -> Callable[[], Awaitable[object]]:
    """Its jobs may run only once, and one of them is being cancelled."""
    _, claims = await _running_parents(store, on_lost="fail")
    await store.broker.cancel(claims[0].job_id)
    return lambda: register(store, boot="boot-2", dead_boot="boot-1", judge=False)


async def _everything_is_overdue(store: Store) -> WorkerDriver:
    worker, claims = await _running_parents(store, on_lost="fail")
    await store.broker.cancel(claims[2].job_id)
    for claim in claims[:3]:
        await time_travel.end_lease(store, claim.job_id)
    for claim in claims[3:]:
        await time_travel.end_attempt(store, claim.job_id)
    for parent in await _waiting_parents(store, 2):
        await time_travel.expire(store, parent)
    return worker


async def _hub_reaps(store: Store) -> Callable[[], Awaitable[object]]:
    await _everything_is_overdue(store)
    return lambda: time_travel.reap(store)


async def _beat_reaps(store: Store) -> Callable[[], Awaitable[object]]:
    worker = await _everything_is_overdue(store)
    await time_travel.allow_chores(store)
    return worker.beat


async def _turn_settles_reaps_and_meets_a_deadline(store: Store) -> Callable[[], Awaitable[object]]:
    worker, claims = await _running_parents(store, max_failures=1)
    await store.broker.cancel(claims[0].job_id)
    await store.link.call("HSET", store.link.key(f"job:{claims[4].job_id}"), "releases", POLICY.max_releases)
    await time_travel.end_lease(store, claims[5].job_id)
    await store.link.call("HSET", store.link.key(f"job:{claims[5].job_id}"), "losses", POLICY.max_losses)
    later = await store.inspector.now_ms() + 3_600_000
    (late,) = await _waiting_parents(store, 1, deadline=later, priority=100)
    await store.link.call("HSET", store.link.key(f"job:{late}"), "deadline", 1)
    await time_travel.allow_chores(store)
    failure = Failure(message="it broke", retryable=True)
    ends = (
        stopped(claims[0]),
        completed(claims[1], Result()),
        completed(claims[2], Result()),
        failed(claims[3], failure),
        released(claims[4], "drain"),
    )
    return lambda: worker.turn(*ends, claims=1)


async def _cancel(store: Store) -> Callable[[], Awaitable[object]]:
    (top,) = await _waiting_parents(store, 1)
    middle = await store.link.call("SMEMBERS", store.link.key(f"job.children:{top}"))
    await _add_children(store, *(child.decode() for child in list(middle)[:3]))
    return lambda: store.broker.cancel(top)


async def _operator_takes_it_back(store: Store) -> Callable[[], Awaitable[object]]:
    _, claims = await _running_parents(store, 1, on_lost="fail")
    await _add_children(store, claims[0].job_id)
    return lambda: store.broker.requeue(claims[0].job_id)


async def _chore_goes_on(store: Store) -> Callable[[], Awaitable[object]]:
    worker, claims = await _running_parents(store)
    await worker.turn(*(completed(claim, Result()) for claim in claims))
    return store.upkeep.resolve_children


async def _damaged_parents(store: Store) -> list[str]:
    parents = await _waiting_parents(store)
    for parent in parents:
        await store.link.call("HDEL", store.link.key(f"job:{parent}"), "spec")
    return parents


async def _damaged_ones_are_deleted(store: Store) -> Callable[[], Awaitable[object]]:
    parents = await _damaged_parents(store)
    return lambda: store.upkeep.delete(parents)


async def _hash_is_gone(store: Store) -> Callable[[], Awaitable[object]]:
    (parent,) = await _waiting_parents(store, 1)
    await _add_children(store, parent)
    await store.link.call("DEL", store.link.key(f"job:{parent}"))
    return lambda: store.upkeep.repair(parent)


async def _children_of_failed_parents_arrive(store: Store) -> Callable[[], Awaitable[object]]:
    parents = await _waiting_parents(store, 2)
    for parent in parents:
        await store.broker.cancel(parent)
    return lambda: submit(store, depends_on=parents)


async def _child_of_failed_parents_is_imported(store: Store) -> Callable[[], Awaitable[object]]:
    parents = await _waiting_parents(store, 2)
    child = await submit(store, depends_on=parents)
    found = (await store.transfers.read([child]))[child]
    assert isinstance(found, WaitingJob)
    for parent in parents:
        await store.broker.cancel(parent)
    return lambda: store.transfers.store([replace(found, id="imported")])


PATHS: dict[str, Arrange] = {
    "register_worker": _lost_worker_returns,
    "reap_jobs": _hub_reaps,
    "beat_worker": _beat_reaps,
    "take_turn": _turn_settles_reaps_and_meets_a_deadline,
    "cancel_job": _cancel,
    "requeue_job": _operator_takes_it_back,
    "resolve_children": _chore_goes_on,
    "delete_jobs": _damaged_ones_are_deleted,
    "repair_job": _hash_is_gone,
    "submit_jobs": _children_of_failed_parents_arrive,
    "import_jobs": _child_of_failed_parents_is_imported,
}


def test_every_function_that_can_end_a_job_is_tried_here() -> None:
    assert {name for name in function_names() if re.search(r"\bresolve_children\b", reached(name))} == set(PATHS)


@pytest.mark.damages
@pytest.mark.parametrize("script", PATHS)
async def test_t18_one_call_resolves_a_hundred_children_at_most(store: Store, look: Look, script: str) -> None:
    call = await PATHS[script](store)
    blocked = len(look().scores("blocked"))
    await call()
    resolved = blocked - len(look().scores("blocked"))
    assert resolved <= POLICY.children_inline
    assert resolved == POLICY.children_inline or script in ("submit_jobs", "import_jobs")
    while await store.upkeep.resolve_children():
        assert look().scores("blocked"), "the rest is a chore's"
    assert look().scores("blocked") == {}
