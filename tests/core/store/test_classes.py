"""ClassIndex: one predicate asked once for each class and profile, whoever comes first."""

import asyncio
import time

import pytest

from emp_core.domain.matching import match
from emp_core.domain.requirements import Requirements
from emp_core.errors import NotFound
from emp_core.store import Store
from emp_core.store.classes import PAGE, ClassIndex
from tests.support.builders import make_capabilities, make_request, register, submit
from tests.support.snapshot import Look


async def _verdicts(look: Look, class_id: str, *numbers: int) -> list[int]:
    bits = look().string(f"class.verdicts:{class_id}")
    return [bits[number // 4] >> (6 - 2 * (number % 4)) & 3 if number // 4 < len(bits) else 0 for number in numbers]


async def test_the_verdicts_are_those_of_the_predicate(store: Store, look: Look) -> None:
    workers = [await register(store, f"w{n}", gpu_memory_gb=n, ram_gb=64 - n) for n in (8, 24, 48)]
    for asked in ({"gpu_memory_gb": 16}, {"ram_gb": 50}, {"gpu_memory_gb": 30, "ram_gb": 50}, {}):
        request = make_request(requirements=asked)
        await store.broker.submit(request)
        wanted = [3 if match(request.requirements, worker.capabilities).ok else 2 for worker in workers]
        assert (
            await _verdicts(look, request.requirements.class_id, *(worker.profile_number for worker in workers))
            == wanted
        )


async def test_classes_before_profiles_and_profiles_before_classes(store: Store, look: Look) -> None:
    first = make_request(requirements={"gpu_memory_gb": 1})
    await store.broker.submit(first)
    worker = await register(store)
    second = make_request(requirements={"gpu_memory_gb": 2})
    await store.broker.submit(second)
    for request in (first, second):
        assert await _verdicts(look, request.requirements.class_id, worker.profile_number) == [3]


async def test_another_process_sees_new_profiles(store: Store, look: Look) -> None:
    other = ClassIndex(store.link)
    await register(store)
    request = make_request(requirements={"gpu_memory_gb": 1})
    await store.broker.submit(request)
    late = await register(store, "late", gpu_memory_gb=48)
    new = make_request(requirements={"gpu_memory_gb": 30})
    await store.link.call("ZADD", store.link.key("classes"), 99, new.requirements.class_id)
    await store.link.call(
        "HSET", store.link.key(f"class:{new.requirements.class_id}"), "requirements", new.requirements.canonical()
    )
    await other.judge_new({new.requirements.class_id: new.requirements.canonical()})
    assert await _verdicts(look, new.requirements.class_id, 0, late.profile_number) == [2, 3]
    await store.link.call("ZREM", store.link.key("classes"), new.requirements.class_id)
    await store.link.call(
        "DEL", *(store.link.key(f"{kind}:{new.requirements.class_id}") for kind in ("class", "class.verdicts"))
    )


async def test_classes_whose_creator_died_are_judged_by_a_chore(store: Store, look: Look) -> None:
    worker = await register(store)
    request = make_request()
    await submit(store)
    name = request.requirements.class_id
    await store.link.call("DEL", store.link.key(f"class.verdicts:{name}"))
    await store.link.call("ZADD", store.link.key("classes.unjudged"), 1, name, 1, "gone")
    assert await store.upkeep.judge_waiting() == 2
    assert await _verdicts(look, name, worker.profile_number) == [3]
    assert look().scores("classes.unjudged") == {}
    assert "class.verdicts:gone" not in look().entries


async def test_a_new_profile_is_judged_a_page_at_a_time(store: Store) -> None:
    count = PAGE + 20
    await store.broker.submit_many([make_request(requirements={"gpu_memory_gb": n / 100}) for n in range(1, count + 1)])
    worker = await register(store, judge=False)
    assert await store.registry.judge(worker.life, worker.capabilities, worker.profile_number) == count


async def test_judging_never_holds_the_loop_for_long(store: Store) -> None:
    await store.broker.submit_many([make_request(requirements={"gpu_memory_gb": n / 100}) for n in range(1, 1_001)])
    worker = await register(store, judge=False)
    longest = 0.0
    judging = asyncio.ensure_future(store.registry.judge(worker.life, worker.capabilities, worker.profile_number))
    while not judging.done():
        before = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - before)
    assert await judging == 1_000
    assert longest < 0.5, "ten times the promise; a collection of garbage counts too"


async def test_two_workers_of_one_profile_may_judge_at_once(store: Store, look: Look) -> None:
    requests = [make_request(requirements={"gpu_memory_gb": n}) for n in range(1, 40)]
    await store.broker.submit_many(requests)
    one, two = await register(store, "one", judge=False), await register(store, "two", judge=False)
    await asyncio.gather(
        *(store.registry.judge(worker.life, worker.capabilities, worker.profile_number) for worker in (one, two))
    )
    for request in requests:
        wanted = 3 if match(request.requirements, one.capabilities).ok else 2
        assert await _verdicts(look, request.requirements.class_id, one.profile_number) == [wanted]


@pytest.mark.damages
async def test_a_class_whose_record_is_lost_stands_in_nobodys_way(store: Store) -> None:
    """It has no jobs any more, but its head rose once, and no one has judged it."""
    worker = await register(store, gpu_memory_gb=8)
    await submit(store, priority=99, requirements={"gpu_memory_gb": 80})
    assert await worker.claim() is None, "now the cursor leads"
    lost = Requirements.parse({"services": ["comfyui"], "gpu_memory_gb": 7}).class_id
    await store.link.call(
        "ZADD", store.link.key("improved"), await store.link.call("INCR", store.link.key("changes")), lost
    )
    job = await submit(store, requirements={"gpu_memory_gb": 4})
    assert (await worker.take()).job_id == job


async def test_the_requirements_of_a_class(store: Store) -> None:
    request = make_request(requirements={"gpu_memory_gb": 8})
    await store.broker.submit(request)
    assert await store.classes.requirements(request.requirements.class_id) == request.requirements
    with pytest.raises(NotFound):
        await store.classes.requirements("none")


async def test_a_class_created_while_a_profile_opens_is_judged_by_one_of_both(store: Store, look: Look) -> None:
    requests = [make_request(requirements={"gpu_memory_gb": n / 10}) for n in range(1, 30)]

    async def submit_all() -> None:
        for request in requests:
            await store.broker.submit(request)

    submitting = asyncio.ensure_future(submit_all())
    workers = await asyncio.gather(*(register(store, f"w{n}", gpu_memory_gb=n) for n in range(1, 9)))
    await submitting
    numbers = [worker.profile_number for worker in workers]
    for request in requests:
        assert 0 not in await _verdicts(look, request.requirements.class_id, *numbers)
    assert make_capabilities(gpu_memory_gb=1).profile_id in look().fields("profiles")
