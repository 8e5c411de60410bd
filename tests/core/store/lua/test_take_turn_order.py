"""take_turn: the exact order, at any depth, for any mix of requirements, with no scan window."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from emp_core.domain.ordering import score
from emp_core.errors import EmpError
from emp_core.store import Store
from tests.support.builders import WorkerDriver, make_request, register, submit
from tests.support.snapshot import Look

FIT, TOO_LARGE = {"gpu_memory_gb": 8}, {"gpu_memory_gb": 80}


async def _submit_all(store: Store, *requests: Mapping[str, Any]) -> list[str]:
    answers = await store.broker.submit_many([make_request(**request) for request in requests])
    return [answer.id for answer in answers if not isinstance(answer, EmpError)]


def _in_order(look: Look, jobs: Sequence[str]) -> list[str]:
    found = look()
    return sorted(jobs, key=lambda name: -int(found.job(name)["score"]))


async def test_priority_first_then_age(store: Store) -> None:
    worker = await register(store)
    jobs = await _submit_all(store, *({"priority": priority} for priority in (50, 90, 50, 0, 100, 90)))
    assert await worker.drain() == [jobs[n] for n in (4, 1, 5, 0, 2, 3)]


async def test_over_many_classes_the_order_is_that_of_the_jobs(store: Store, look: Look) -> None:
    worker = await register(store)
    dice = random.Random(7)
    requests = [
        {"priority": dice.randrange(3), "requirements": {"gpu_memory_gb": dice.randrange(1, 25)}} for _ in range(200)
    ]
    jobs = await _submit_all(store, *requests)
    assert await worker.drain() == _in_order(look, jobs)


async def test_what_a_worker_cannot_do_is_left_for_others(store: Store, look: Look) -> None:
    small, large = await register(store), await register(store, "gpu2:0", gpu_memory_gb=96)
    jobs = await _submit_all(store, *({"requirements": TOO_LARGE if n % 3 else FIT} for n in range(30)))
    assert await small.drain() == jobs[::3]
    assert await large.drain() == [job for n, job in enumerate(jobs) if n % 3]


def _wall(classes: int) -> list[Mapping[str, Any]]:
    """Jobs that do not fit, each of a class of its own, in front."""
    return [{"priority": 90, "customer_id": f"c{n}", "requirements": TOO_LARGE} for n in range(classes)]


@pytest.mark.parametrize("classes", [31, 32, 33, 500])
async def test_r44_a_worker_behind_a_wall_of_unmatched_jobs_is_served(store: Store, classes: int) -> None:
    worker = await register(store)
    await _submit_all(store, *_wall(classes))
    jobs = await _submit_all(store, {}, {})
    assert await worker.drain() == jobs


async def test_r43_a_wall_deeper_than_one_call_looks(store: Store) -> None:
    worker = await register(store)
    await _submit_all(store, *_wall(1_300))
    jobs = await _submit_all(store, {"priority": 3}, {"priority": 2})
    assert await worker.drain() == jobs


async def test_a_job_that_comes_above_the_cursor_is_found(store: Store) -> None:
    worker = await register(store)
    await _submit_all(store, *_wall(100))
    low, high = await _submit_all(store, {"priority": 10}, {"priority": 5, "requirements": FIT})
    assert (await worker.take()).job_id == low
    urgent = await submit(store, priority=95, requirements={"gpu_memory_gb": 9})
    again = await submit(store, priority=91, requirements={"gpu_memory_gb": 9})
    assert await worker.drain() == [urgent, again, high]


async def test_a_class_that_rises_above_the_cursor_is_found(store: Store) -> None:
    worker = await register(store)
    await _submit_all(store, *_wall(100))
    first, second, third = await _submit_all(store, {}, {}, {"requirements": FIT})
    assert (await worker.take()).job_id == first
    await store.broker.set_priority([third], 100)
    assert await worker.drain() == [third, second]


async def test_a_class_that_comes_back_from_parked_is_found(store: Store) -> None:
    worker = await register(store)
    await _submit_all(store, *_wall(100))
    one, two, other = await _submit_all(
        store, {"customer_id": "acme", "priority": 99}, {"customer_id": "acme", "priority": 98}, {}
    )
    await store.broker.set_limit("customer:acme", 1)
    first = await worker.take()
    assert first.job_id == one
    second = await worker.take()
    assert second.job_id == other
    await worker.complete(first)
    assert (await worker.take()).job_id == two


async def test_a_cursor_never_passes_a_head_that_is_not_judged(store: Store, look: Look) -> None:
    """A class that nobody judged for the profile stands in front: it is judged on the spot, not passed over."""
    worker = await register(store)
    await _submit_all(store, *_wall(100))
    behind = await submit(store, priority=1)
    assert await worker.drain() == [behind]
    fits = await submit(store, priority=50, requirements=FIT)
    await store.link.call("DEL", store.link.key(f"class.verdicts:{look().job(fits)['class']}"))
    later = await submit(store, priority=1)
    assert await worker.drain() == [fits, later]


async def test_a_profile_that_nobody_judged_yet_claims_right(store: Store, look: Look) -> None:
    jobs = await _submit_all(store, *_wall(50), *({"requirements": {"gpu_memory_gb": n}} for n in range(1, 50)))
    worker = await register(store, judge=False)
    assert await worker.drain() == jobs[50:74]
    late = await register(store, "gpu2:0", judge=False, gpu_memory_gb=48)
    assert await late.drain() == jobs[74:98]


async def test_many_heads_with_one_score_are_all_looked_at(store: Store) -> None:
    """Jobs of very many customers for the same moment share one place; a worker must come past all of them."""
    due = await store.inspector.now_ms() + 3_600_000
    worker = await register(store)
    wall = await _submit_all(store, *({**request, "run_at": due} for request in _wall(1_300)))
    await asyncio.gather(*(store.broker.hold(job) for job in wall))
    await store.link.read_many([("HSET", store.link.key(f"job:{job}"), "due", 1) for job in wall])
    await asyncio.gather(*(store.broker.unhold(job) for job in wall))
    fits = await submit(store, priority=1)
    assert (await worker.take()).job_id == fits


async def _shuffle(store: Store, dice: random.Random, worker: WorkerDriver, left: dict[str, int]) -> None:
    """One random act; the model is the plain list of what fits, with its places."""
    act = dice.random()
    if act < 0.45 or not left:
        ram = dice.randrange(1, 70)
        job = await submit(store, priority=dice.randrange(4), requirements={"ram_gb": ram, "gpu_memory_gb": ram})
        if ram <= 24:
            left[job] = (await store.inspector.job(job)).score
    elif act < 0.6:
        job = dice.choice(sorted(left))
        priority = dice.randrange(4)
        await store.broker.set_priority([job], priority)
        left[job] = score(priority, 0) - (score(0, 0) - left[job] % 2**46)
    elif act < 0.7:
        job = dice.choice(sorted(left))
        await store.broker.cancel(job)
        del left[job]
    else:
        claim = await worker.take()
        assert claim.job_id == max(left, key=lambda name: left[name])
        await worker.complete(claim)
        del left[claim.job_id]


@pytest.mark.parametrize("seed", range(2))
async def test_against_a_plain_list_there_is_no_wrong_pick(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    worker = await register(store, ram_gb=64)
    await _submit_all(store, *_wall(40))
    left: dict[str, int] = {}
    for _ in range(250):
        await _shuffle(store, dice, worker, left)
    assert await worker.drain() == sorted(left, key=lambda name: -left[name])
