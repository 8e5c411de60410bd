"""take_turn: the wake-ups. No worker polls here: a job that nobody is woken for would wait for ever."""

import random

import pytest

from emp_core.domain.worker import WorkerState
from emp_core.errors import EmpError
from emp_core.store import Store
from tests.support.builders import WorkerDriver, make_request, register, submit
from tests.support.snapshot import Look
from tests.support.time_travel import end_worker, reap


async def _idle(store: Store, name: str, **capabilities: object) -> WorkerDriver:
    worker = await register(store, name, **capabilities)  # type: ignore[arg-type]
    assert await worker.claim() is None
    return worker


async def _woken(*workers: WorkerDriver) -> list[str]:
    return [worker.id for worker in workers if await worker.tokens()]


async def test_who_finds_nothing_is_idle_in_the_same_call(store: Store, look: Look) -> None:
    worker = await _idle(store, "gpu1:0")
    found = look()
    assert found.fields("idle.where") == {worker.id: f"{worker.profile_number} "}
    assert found.scores(f"idle.workers:{worker.profile_number}").keys() == {worker.id}
    assert found.scores("idle").keys() == {str(worker.profile_number)}


async def test_r33_a_job_wakes_exactly_one(store: Store, look: Look) -> None:
    workers = [await _idle(store, f"gpu{n}:0") for n in range(20)]
    job = await submit(store)
    tokens = [token for worker in workers for token in await worker.tokens()]
    assert tokens == [f"claim {look().job(job)['class']} {workers[0].id}"]
    assert len(look().fields("idle.where")) == 19


async def test_each_job_of_a_batch_wakes_one(store: Store) -> None:
    workers = [await _idle(store, f"gpu{n}:0") for n in range(5)]
    await store.broker.submit_many([make_request() for _ in range(3)])
    assert len(await _woken(*workers)) == 3


async def test_the_first_job_of_a_class_wakes_when_it_is_judged(store: Store) -> None:
    workers = [await _idle(store, f"gpu{n}:0") for n in range(3)]
    await store.broker.submit_many([make_request(requirements={"gpu_memory_gb": 8}) for _ in range(2)])
    assert len(await _woken(*workers)) == 2


async def test_the_least_capable_first_then_the_cheapest(store: Store) -> None:
    large = await _idle(store, "large", gpu_memory_gb=80)
    dear = await _idle(store, "dear", rate_per_hour=3)
    cheap = await _idle(store, "cheap", rate_per_hour=1)
    small = await _idle(store, "small", gpu_memory_gb=8)
    order = []
    for _ in range(4):
        await submit(store)
        order += await _woken(large, dear, cheap, small)
    assert order == [small.id, cheap.id, dear.id, large.id]


async def test_only_who_fits_is_woken(store: Store) -> None:
    small, large = await _idle(store, "small", gpu_memory_gb=8), await _idle(store, "large", gpu_memory_gb=80)
    await submit(store, requirements={"gpu_memory_gb": 48})
    assert await _woken(small, large) == [large.id]
    assert await _woken(small, large) == []


async def test_among_equals_the_longest_idle(store: Store) -> None:
    workers = [await _idle(store, f"gpu{n}:0") for n in (3, 1, 2)]
    for n, worker in enumerate(workers):
        await store.link.call("ZADD", store.link.key(f"idle.workers:{worker.profile_number}"), "XX", n, worker.id)
    order = []
    for _ in workers:
        await submit(store)
        order += await _woken(*workers)
    assert order == [worker.id for worker in workers]


async def test_who_is_avoided_is_not_woken(store: Store) -> None:
    one, two = await register(store, "gpu1:0"), await register(store, "gpu2:0")
    await submit(store)
    claim = await one.take()
    assert await two.claim() is None
    assert await one.claim() is None
    await one.release(claim)
    assert await _woken(one, two) == [two.id]


async def test_a_token_used_for_another_class_is_passed_on(store: Store, look: Look) -> None:
    one, two = await _idle(store, "gpu1:0"), await _idle(store, "gpu2:0")
    job = await submit(store)
    (token,) = await one.tokens()
    better = await submit(store, priority=90, requirements={"gpu_memory_gb": 8})
    assert len(await two.tokens()) == 1, "the better job woke the other"
    third = await _idle_after_token(store)
    assert (await one.take(token=token.split()[1])).job_id == better
    assert await _woken(third) == [third.id], "the first token is passed on"
    assert (await third.take()).job_id == job


async def _idle_after_token(store: Store) -> WorkerDriver:
    """A worker that became idle although a job waits: its token is on the way to somebody else."""
    worker = await register(store, "gpu3:0")
    turn = await worker.turn(claims=1, workflow="none-such")
    assert turn.claimed == ()
    await store.link.call("DEL", store.link.key("idle.reserved:workflow:none-such"), store.link.key("idle.names"))
    await store.link.call("HDEL", store.link.key("idle.where"), worker.id)
    key = store.link.key
    await store.link.call("HSET", key("idle.where"), worker.id, f"{worker.profile_number} ")
    await store.link.call("ZADD", key(f"idle.workers:{worker.profile_number}"), 1, worker.id)
    await store.link.call("ZADD", key("idle"), worker.capabilities.rank, worker.profile_number)
    await store.link.call("BITFIELD", key("idle.bits"), "SET", "u2", f"#{worker.profile_number}", 1)
    return worker


async def test_a_token_for_a_job_that_avoids_somebody_is_passed_on(store: Store) -> None:
    one = await register(store, "gpu1:0")
    two = await register(store, "gpu2:0")
    job = await submit(store)
    claim = await one.take()
    assert await two.claim() is None
    await one.release(claim)
    (token,) = await two.tokens()
    better = await submit(store, priority=90)
    third = await _idle_after_token(store)
    assert (await two.take(token=token.split()[1])).job_id == better
    assert (await third.take()).job_id == job


async def test_a_token_used_is_not_passed_on(store: Store) -> None:
    one, two = await _idle(store, "gpu1:0"), await _idle(store, "gpu2:0")
    await submit(store)
    (token,) = await one.tokens()
    await submit(store)
    await two.tokens()
    third = await _idle_after_token(store)
    await one.take(token=token.split()[1])
    assert await third.tokens() == []


async def test_a_token_for_a_job_that_is_gone_ends(store: Store, look: Look) -> None:
    one, two = await _idle(store, "gpu1:0"), await _idle(store, "gpu2:0")
    job = await submit(store)
    (token,) = await one.tokens()
    await store.broker.cancel(job)
    assert await one.claim(token=token.split()[1]) is None
    assert await _woken(one, two) == []
    assert set(look().fields("idle.where")) == {one.id, two.id}


@pytest.mark.parametrize("state", [WorkerState.PAUSED, WorkerState.DRAINING, WorkerState.FENCED, WorkerState.STOPPED])
async def test_who_may_not_claim_any_more_returns_its_tokens(store: Store, look: Look, state: WorkerState) -> None:
    one, two = await _idle(store, "gpu1:0"), await _idle(store, "gpu2:0")
    await submit(store)
    await store.registry.steer(one.id, state)
    assert [token.split()[0] for token in await one.tokens()] == ([] if state is WorkerState.STOPPED else ["control"])
    assert await _woken(two) == [two.id]
    assert one.id not in look().fields("idle.where")


async def test_a_lost_worker_returns_its_tokens(store: Store) -> None:
    one, two = await _idle(store, "gpu1:0"), await _idle(store, "gpu2:0")
    await submit(store)
    await end_worker(store, one.id)
    await reap(store)
    assert await _woken(two) == [two.id]


async def test_a_worker_that_registers_anew_returns_its_tokens(store: Store) -> None:
    one, two = await _idle(store, "gpu1:0"), await _idle(store, "gpu2:0")
    await submit(store)
    await register(store, one.id, boot="boot-2", dead_boot="boot-1")
    assert await _woken(two) == [two.id]


async def test_a_full_worker_is_not_idle(store: Store, look: Look) -> None:
    worker = await _idle(store, "gpu1:0")
    await worker.turn()
    assert look().fields("idle.where") == {}


async def test_a_worker_reserved_for_the_workflow_is_woken_before_others(store: Store) -> None:
    anybody = await _idle(store, "gpu1:0", gpu_memory_gb=8)
    reserved = await register(store, "gpu2:0")
    assert await reserved.claim(workflow="w") is None
    await submit(store)
    assert await _woken(anybody, reserved) == [anybody.id]
    await anybody.claim()
    await submit(store, workflow_id="w")
    assert await _woken(anybody, reserved) == [reserved.id]


async def test_a_worker_at_its_customers_is_woken_for_theirs(store: Store) -> None:
    worker = await register(store)
    assert await worker.claim(customers=("acme", "b")) is None
    await submit(store, customer_id="other")
    assert await _woken(worker) == []
    await submit(store, customer_id="acme")
    assert await _woken(worker) == [worker.id]


async def test_a_reserved_workers_token_is_passed_on_to_another_reserved_one(store: Store) -> None:
    one, two = await register(store, "gpu1:0"), await register(store, "gpu2:0")
    assert await one.claim(workflow="w") is None
    job = await submit(store, workflow_id="w", requirements={"gpu_memory_gb": 8})
    (token,) = await one.tokens()
    second = await submit(store, workflow_id="w")
    await store.broker.set_priority([second], 90)
    assert await two.claim(workflow="v") is None
    await store.link.call("HSET", store.link.key("idle.where"), two.id, f"{two.profile_number} workflow:w")
    for name, command in (("v", "DEL"), ("w", "ZADD")):
        arguments = (1, two.id) if command == "ZADD" else ()
        await store.link.call(command, store.link.key(f"idle.reserved:workflow:{name}"), *arguments)
    await store.link.call("SREM", store.link.key("idle.names"), "workflow:v")
    await store.link.call("SADD", store.link.key("idle.names"), "workflow:w")
    assert (await one.take(workflow="w", token=token.split()[1])).job_id == second
    assert await _woken(two) == [two.id]
    assert (await two.take(workflow="w")).job_id == job


async def test_two_workers_do_not_wake_each_other_for_what_neither_may_take(store: Store) -> None:
    """A job at its customer's limit: each finds nothing, and the token ends with the first."""
    busy = await register(store, "busy")
    await store.broker.set_limit("customer:acme", 1)
    await submit(store, customer_id="acme", workflow_id="w")
    await busy.take()
    one, two = await register(store, "gpu1:0"), await register(store, "gpu2:0")
    for worker in (one, two):
        assert await worker.claim(workflow="w") is None
    await submit(store, customer_id="acme", workflow_id="w")
    rounds = 0
    while tokens := [(worker, token) for worker in (one, two) for token in await worker.tokens()]:
        rounds += 1
        assert rounds < 5, "they wake each other for ever"
        for worker, token in tokens:
            assert await worker.claim(workflow="w", token=token.split()[1]) is None


async def test_a_raised_limit_wakes_one_for_each_job_that_may_run(store: Store) -> None:
    await store.broker.set_limit("customer:acme", 0)
    for _ in range(4):
        await submit(store, customer_id="acme")
    workers = [await _idle(store, f"gpu{n}:0") for n in range(3)]
    assert await _woken(*workers) == []
    await store.broker.set_limit("customer:acme", None)
    assert len(await _woken(*workers)) == 3


async def test_a_freed_slot_of_a_limit_wakes_a_reserved_worker_too(store: Store) -> None:
    busy, reserved = await register(store, "busy"), await register(store, "reserved")
    await store.broker.set_limit("customer:acme", 1)
    await submit(store, customer_id="acme")
    claim = await busy.take()
    await submit(store, customer_id="acme", workflow_id="w")
    assert await reserved.claim(workflow="w") is None
    await busy.complete(claim)
    assert len(await _woken(reserved)) == 1


async def _serve(worker: WorkerDriver, running: dict[str, tuple[WorkerDriver, object]], free: dict[str, int]) -> None:
    """What an agent does with its wake-ups: a turn for each, with all free slots."""
    for token in await worker.tokens():
        turn = await worker.turn(claims=free[worker.id], token=token.split()[1])
        for claim in turn.claimed:
            running[claim.job_id] = (worker, claim)
            free[worker.id] -= 1


@pytest.mark.parametrize("seed", range(2))
async def test_no_job_waits_while_a_fitting_slot_is_free(store: Store, seed: int) -> None:
    """Random arrivals and ends, three profiles, no safety net: after each act all woken workers have had their turn."""
    dice = random.Random(seed)
    sizes = (8, 24, 24, 80)
    workers = [await _idle(store, f"gpu{n}:0", gpu_memory_gb=size) for n, size in enumerate(sizes)]
    free = {worker.id: 2 for worker in workers}
    running: dict[str, tuple[WorkerDriver, object]] = {}
    waiting: dict[str, int] = {}
    for _ in range(120):
        act = dice.random()
        if act < 0.5 or not running:
            asked = [dice.choice((1, 16, 48)) for _ in range(dice.randrange(1, 4))]
            answers = await store.broker.submit_many(
                [make_request(priority=dice.randrange(3), requirements={"gpu_memory_gb": size}) for size in asked]
            )
            waiting |= {job.id: size for job, size in zip(answers, asked, strict=True) if not isinstance(job, EmpError)}
        else:
            job = dice.choice(sorted(running))
            worker, claim = running.pop(job)
            free[worker.id] += 1
            (await worker.release(claim)) if act < 0.7 else (await worker.complete(claim))  # type: ignore[arg-type]
            if act < 0.7:
                waiting[job] = int((await store.inspector.job(job)).requirements.gpu_memory_gb or 0)
            await _claim_again(worker, running, free)
        while [
            worker for worker in workers if await store.link.call("EXISTS", store.link.key(f"wake:{worker.waiter}"))
        ]:
            for worker in workers:
                await _serve(worker, running, free)
        waiting = {job: size for job, size in waiting.items() if job not in running}
        stuck = [(job, size) for job, size in waiting.items() if await _could_run(store, job, size, workers, free)]
        assert stuck == []


async def _claim_again(
    worker: WorkerDriver, running: dict[str, tuple[WorkerDriver, object]], free: dict[str, int]
) -> None:
    for claim in (await worker.turn(claims=free[worker.id])).claimed:
        running[claim.job_id] = (worker, claim)
        free[worker.id] -= 1


async def _could_run(store: Store, job: str, size: int, workers: list[WorkerDriver], free: dict[str, int]) -> bool:
    avoided = await store.link.call("ZSCORE", store.link.key("avoided"), job) is not None
    barred = (await store.inspector.job(job)).avoid if avoided else ()
    fitting = [worker for worker in workers if (worker.capabilities.gpu_memory_gb or 0) >= size]
    return any(free[worker.id] and worker.id not in barred for worker in fitting)
